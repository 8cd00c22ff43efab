"""The report as a letter an official edits and signs: an administrative report laid out by Decree 30/2020/NĐ-CP."""

from datetime import UTC
from io import BytesIO

from docx import Document
from docx.document import Document as Letter

from ground import number
from payments import report_heading, report_sentence
from payments.letter_frame import (
    add_centred,
    add_heading,
    add_page_numbers,
    add_paragraph,
    add_section,
    add_signature,
    add_small,
    add_table,
    add_top,
    set_page,
    set_type,
)
from payments.report import Report

IN_TABLE = ("onboarded", "acceptance", "active_use", "value_share", "cashless_value", "cashless_count")


def docx(told: Report) -> bytes:
    """A4; the number, the date, the assessment and the name are left to whoever signs."""
    letter = Document()
    _tell_origin(letter, told)
    set_page(letter)
    set_type(letter, told.language)
    add_page_numbers(letter)
    add_top(letter, *_issuers(told), told, _place(told))
    add_heading(letter, told.say("report.letter.heading"), report_heading.unbroken(told))
    _write_opening(letter, told)
    _write_results(letter, told)
    _write_parts(letter, told)
    _write_end(letter, told)
    _write_appendix(letter, told)
    kept = BytesIO()
    letter.save(kept)
    return kept.getvalue()


def _tell_origin(letter: Letter, told: Report) -> None:
    about = letter.core_properties
    moment = told.made_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    about.title, about.subject = report_heading.subject(told), told.period_name
    about.author = about.last_modified_by = told.say("report.author")
    about.language = told.language
    about.comments = about.keywords = ""
    about.created = about.modified = moment
    about.revision = 1


def _issuer(told: Report) -> str:
    return told.say(f"report.issuer.{told.level}", name=report_heading.inside(told.whole.name, told.language))


def _issuers(told: Report) -> tuple[str, str]:
    """Who stands above the issuing body (nobody above a People's Committee), and the body itself, in capitals."""
    if told.level != "market":
        return "", told.say("report.letter.committee", name=told.whole.name).upper()
    above = told.say("report.letter.committee", name=told.ward) if told.ward else ""
    return above.upper(), _issuer(told).upper()


def _place(told: Report) -> str:
    """Where it is signed: a ward's own name without its kind, unless that is only a number."""
    name = (told.ward or told.province if told.level == "market" else told.whole.name) or told.say("report.letter.dots")
    kind, _, own = name.partition(" ")
    return own if kind in report_heading.UNITS and own and not own[0].isdigit() else name


def _receivers(told: Report) -> list[str]:
    key, name = {"market": ("to_ward", told.ward), "ward": ("to_province", told.province)}.get(told.level, ("", None))
    found = [told.say(f"report.letter.{key}", name=report_heading.inside(name, told.language))] if name else []
    below = {"ward": "to_markets", "province": "to_wards"}.get(told.level)
    return [*found, *([told.say(f"report.letter.{below}")] if below else []), told.say("report.letter.to_files")]


def _write_opening(letter: Letter, told: Report) -> None:
    asked, revision = told.rates.period, told.rates.revision
    names = {"issuer": _issuer(told), "period": report_heading.inside(told.period_name, told.language)}
    add_paragraph(letter, told.say("report.letter.opening", first=asked.first, last=asked.last, **names))
    if not told.complete:
        add_paragraph(letter, told.say("report.letter.to_date", until=told.until))
    seal = "not_sealed" if revision is None else "sealed"
    add_paragraph(letter, told.say(f"report.letter.{seal}", revision=revision))
    if told.made_up:
        add_paragraph(letter, told.say("report.made_up"), italic=True)


def _write_results(letter: Letter, told: Report) -> None:
    add_section(letter, told.say("report.letter.results"))
    for nth, each in enumerate(told.whole.told, 1):
        add_paragraph(letter, f"{nth}. {report_sentence.paragraph(told, each)}")
    columns = [told.say(f"report.column.{name}") for name in ("indicator", "value", "of", "coverage", "status")]
    rows = [
        [each.name, "\n".join(filter(None, (each.value, each.interval))), each.of, each.coverage, each.status]
        for each in told.whole.told
    ]
    add_table(letter, told.say("report.letter.table"), columns, rows, (52, 33, 35, 20, 25), right={1, 2, 3})


def _write_parts(letter: Letter, told: Report) -> None:
    if told.level == "market":
        return
    key = "wards" if told.level == "province" else "parts"
    add_section(letter, told.say(f"report.letter.{key}"))
    if not told.parts:
        add_paragraph(letter, told.say("report.no_parts"))
        return
    columns = [told.say(f"report.column.{'ward' if key == 'wards' else 'part'}"), told.say("report.column.stalls")]
    columns += [told.say(f"report.short.{name}") for name in IN_TABLE]
    rows = []
    for part in told.parts:
        stalls = number.count(part.of("onboarded").figure.N, told.language)
        rows.append([part.name, stalls, *(part.of(name).bare for name in IN_TABLE)])
    widths = (36, 13, 19, 18, 18, 18, 26, 17)
    add_table(letter, told.say(f"report.letter.{key}_table"), columns, rows, widths, range(1, len(columns)))
    add_small(letter, told.say("report.dash"))


def _write_end(letter: Letter, told: Report) -> None:
    add_section(letter, told.say(f"report.letter.assessment{'_market' if told.level == 'market' else ''}"))
    add_paragraph(letter, told.say("report.letter.to_write"), italic=True, with_next=True)
    names = {"issuer": _issuer(told), "period": report_heading.inside(told.period_name, told.language)}
    add_paragraph(letter, told.say("report.letter.closing", **names), with_next=True)
    add_signature(letter, _receivers(told), told.say(f"report.letter.sign_{told.level}"), told)


def _write_appendix(letter: Letter, told: Report) -> None:
    add_centred(letter, told.say("report.letter.appendix"), new_page=True)
    add_centred(letter, told.say("report.letter.appendix_title"))
    columns = [told.say(f"report.column.{name}") for name in ("indicator", "definition", "method", "sources", "reason")]
    rows = [[each.name, each.definition, each.method, each.sources, each.reason] for each in told.whole.told]
    add_table(letter, told.say("report.section.definitions"), columns, rows, (34, 58, 23, 24, 26))
    for line in report_heading.proof(told):
        add_small(letter, line)
