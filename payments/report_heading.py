"""What stands above and below the figures of every paper: the subject, how far they go, the seal and the digests."""

from ground import clock
from payments.report import Report

# In the middle of a sentence these are common nouns: `tại chợ Vũng Tàu`.
HARD_SPACE = "\u00a0"
LONGEST_HELD = 30
_PROPER = ("Thành phố Hồ Chí Minh",)
UNITS = ("Phường", "Xã")
_COMMON = ("Chợ", "Phố", "Tuyến", "Phường", "Xã", "Đặc", "Thành", "Tỉnh", "Quý", "Tháng", "Năm", "Tuần", "Ngày")


def inside(name: str, language: str = "vi") -> str:
    """A name or period as it stands inside a sentence: `phường Vũng Tàu`, but `Phường 7` (Decree 30, Appendix II)."""
    kind, _, own = name.partition(" ")
    if language != "vi" or kind not in _COMMON or name in _PROPER or (kind in UNITS and own[:1].isdigit()):
        return name
    return name[0].lower() + name[1:]


def subject(told: Report) -> str:
    """What the report is of, in one sentence."""
    return unbroken(told).replace(HARD_SPACE, " ")


def unbroken(told: Report) -> str:
    """The same as a heading: neither the place's name nor the period's is torn between two lines."""
    names = {key: inside(name, told.language) for key, name in _names(told).items()}
    return told.say(f"report.letter.subject_{told.level}", **{key: _hold(name) for key, name in names.items()})


def _names(told: Report) -> dict[str, str]:
    return {"name": told.whole.name, "period": told.period_name}


def _hold(name: str) -> str:
    return name.replace(" ", HARD_SPACE) if len(name) <= LONGEST_HELD else name


def state(told: Report) -> list[str]:
    """How far the period has come, whether it is sealed, and whether any of it is made up."""
    asked = told.rates.period
    key = "report.whole" if told.complete else "report.to_date"
    found = [told.say(key, first=asked.first, last=asked.last, until=told.until), sealed(told)]
    return [*found, told.say("report.made_up")] if told.made_up else found


def sealed(told: Report) -> str:
    if told.rates.revision is None:
        return told.say("report.not_sealed")
    return told.say("report.sealed", revision=told.rates.revision, moment=told.rates.as_of.astimezone(clock.ZONE))


def proof(told: Report) -> list[str]:
    """What the figures can be checked by."""
    found = [told.say("report.definitions", version=told.rates.definitions_version), sealed(told)]
    if told.rates.sha256 is not None:
        found.append(told.say("report.seal", sha256=told.rates.sha256))
    found += [told.say("report.fingerprint", fingerprint=told.fingerprint), told.say("report.fingerprint_means")]
    return [
        *found,
        told.say("report.as_of", moment=told.rates.as_of.astimezone(clock.ZONE)),
        told.say("report.made", moment=told.made_locally),
    ]
