"""The report as a workbook: summary, markets, days and definitions, whose numbers are numbers and whose dates dates."""

from io import BytesIO
from typing import Any

import xlsxwriter

from ground import number
from payments import report_heading
from payments.figure_words import IN_DONG, LEVELS, Told
from payments.report import Report
from payments.report_sheet import Format, Sheet

SUMMARY = ("indicator", "value", "low", "high", "numerator", "denominator", "unit", "n", "N", "coverage")
SUMMARY_WORDS = ("method", "sources", "status", "reason")
_SUMMARY_WIDTHS = (30, 15, 14, 14, 15, 15, 10, 7, 7, 9, 14, 15, 12, 30)


def xlsx(told: Report) -> bytes:
    """Four sheets on A4 across. Names are written as text, whatever they begin with."""
    kept = BytesIO()
    with xlsxwriter.Workbook(kept, {"in_memory": True, "strings_to_formulas": False}) as workbook:
        workbook.set_properties(
            {
                "title": report_heading.subject(told),
                "subject": told.period_name,
                "author": told.say("report.author"),
                "created": told.made_locally.replace(tzinfo=None, microsecond=0),
            }
        )
        look = Format(workbook)
        _write_summary(Sheet(workbook, look, told, "summary", _SUMMARY_WIDTHS), told)
        _write_parts(workbook, look, told)
        _write_days(Sheet(workbook, look, told, "days", (34, 14, 20, 16)), told)
        _write_definitions(Sheet(workbook, look, told, "definitions", (40, 21, 80)), told)
    return kept.getvalue()


def _write_summary(sheet: Sheet, told: Report) -> None:
    sheet.head([told.say(f"report.column.{name}") for name in (*SUMMARY, *SUMMARY_WORDS)])
    for each in told.whole.told:
        figure = each.figure
        cells: list[tuple[Any, str]] = [(each.name, "text"), *_values(each, told, "value", "low", "high")]
        level = "amount" if each.indicator in IN_DONG else "count"
        cells += [(getattr(figure, name), level) for name in ("numerator", "denominator")]
        cells += [
            (told.say(f"report.unit.{_unit(each.indicator)}"), "centre"),
            (figure.n, "count"),
            (figure.N, "count"),
        ]
        cells.append((figure.coverage, share_format(figure.coverage, told.language)))
        sheet.row([*cells, *((getattr(each, name), "text") for name in SUMMARY_WORDS)])
    sheet.end()


def _unit(indicator: str) -> str:
    if indicator in IN_DONG:
        return "dong"
    return {"cashless_count": "times", "count_share": "purchases"}.get(indicator, "stalls")


def _values(each: Told, told: Report, *names: str) -> list[tuple[Any, str]]:
    """A hidden value says so in its own cell; the bounds of a hidden one are empty."""
    if each.figure.value is None:
        key = "hidden" if each.figure.status == "suppressed" else "insufficient"
        return [(told.say(f"report.{key}"), "hidden"), *((None, "text") for _ in names[1:])]
    found = [getattr(each.figure, name) for name in names]
    return [(value, value_format(each.indicator, value, told.language)) for value in found]


def value_format(indicator: str, value: float | None, language: str) -> str:
    if indicator in LEVELS:
        return "amount" if indicator in IN_DONG else "count"
    return share_format(value, language)


def share_format(share: float | None, language: str) -> str:
    """One decimal as on the page, which rounds nothing up to all or down to nothing: there the format says it."""
    if share is None:
        return "text"
    if share in (0, 1):
        return "whole_percent"
    return "percent" if number.tenths(share) == number.rounded(share) else f"shown:{number.percent(share, language)}"


def _write_parts(workbook: Any, look: Format, told: Report) -> None:
    """A row for each part: a market alone is its own."""
    key = "wards" if told.level == "province" else "parts"
    sheet = Sheet(workbook, look, told, key, (26, 22, 7, *(14 for _ in told.whole.told)))
    names = [told.say(f"report.column.{name}") for name in ("ward" if key == "wards" else "part", "area", "N")]
    sheet.head([*names, *(each.name for each in told.whole.told)])
    for part in told.parts or ((told.whole,) if told.level == "market" else ()):
        cells = [(part.name, "text"), (part.key, "text"), (part.of("onboarded").figure.N, "count")]
        sheet.row([*cells, *(_values(each, told, "value")[0] for each in part.told)])
    if not told.parts and told.level != "market":
        sheet.note(told.say("report.no_parts"))
    sheet.end()


def _write_days(sheet: Sheet, told: Report) -> None:
    sheet.head([told.say(f"report.column.{name}") for name in ("part", "day", "day_value", "day_count")])
    hidden = (told.say("report.hidden"), "hidden")
    for found in told.days:
        for day in found.days:
            taken = (hidden, hidden) if day.value is None else ((day.value, "amount"), (day.number, "count"))
            sheet.row([(found.name, "text"), (day.date, "day"), *taken])
    if not told.days:
        sheet.note(told.say("report.no_days"))
    sheet.note(told.say("report.days_now", moment=told.made_locally))
    sheet.end()


def _write_definitions(sheet: Sheet, told: Report) -> None:
    sheet.head([told.say(f"report.column.{name}") for name in ("indicator", "key", "definition")])
    for each in told.whole.told:
        sheet.row([(each.name, "text"), (each.indicator, "text"), (each.definition, "text")])
    for line in report_heading.proof(told):
        sheet.note(line)
    sheet.end()
