"""What a period is called: `2026-Q4` is Quý IV/2026."""

from ground import words
from payments.period import Period


def name(asked: Period, language: str) -> str:
    """`2026-Q4` as `Quý IV/2026`."""
    year, _, part = asked.text.partition("-")
    kind, params = _kind(asked, part, language)
    return words.say(f"page.period.{kind}", language, year=year, **params)


def _kind(asked: Period, part: str, language: str) -> tuple[str, dict[str, object]]:
    if not part:
        return "year", {}
    if part.startswith("W"):
        return "week", {"week": part[1:], "first": asked.first, "last": asked.last}
    if part.startswith("Q"):
        return "quarter", {"quarter": words.say(f"page.quarter.{part[1:]}", language)}
    if part.startswith("H"):
        return f"half_{part[1:]}", {}
    if part == "9M":
        return "nine_months", {}
    if "-" in part:
        return "day", {"day": asked.first}
    return "month", {"month": words.say(f"page.month.{asked.first.month}", language)}
