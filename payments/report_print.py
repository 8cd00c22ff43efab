"""The report as a print: a tagged PDF/A that reads the same on every machine and says what it can be checked by."""

from typing import Any

from ground import number, paper
from payments import figure_words, report_heading
from payments.figure_words import Told
from payments.report import MarketDays, Part, Report

FIGURES = ("indicator", "value", "of", "coverage", "method", "status")
IN_TABLE = ("onboarded", "acceptance", "active_use", "value_share", "cashless_value", "cashless_count")


def pdf(told: Report) -> bytes:
    """A4. The days stand in it for a single market; those of several are in the workbook."""
    return paper.pdf("report", content(told), told.made_at)


def content(told: Report) -> dict[str, Any]:
    """What the template is filled with."""
    key = "wards" if told.level == "province" else "parts"
    return {
        "language": told.language,
        "author": told.say("report.author"),
        "title": report_heading.subject(told),
        "heading": report_heading.unbroken(told),
        "state": report_heading.state(told),
        "proof": report_heading.proof(told),
        "page": told.say("report.page"),
        "figures": {
            "title": told.say("report.section.figures"),
            "columns": [told.say(f"report.column.{name}") for name in FIGURES],
            "rows": [_figure(each) for each in told.whole.told],
        },
        "parts": None if told.level == "market" else _parts(told, key),
        "days": _days(told) if told.level == "market" else None,
        "proof_title": told.say("report.section.proof"),
        "dash": told.say("report.dash"),
    }


def _figure(each: Told) -> dict[str, str]:
    return {
        "name": each.name,
        "definition": each.definition,
        "value": each.value,
        "interval": each.interval,
        "of": each.of,
        "coverage": each.coverage,
        "size": each.size,
        "method": each.method,
        "sources": each.sources,
        "status": each.status,
        "reason": each.reason,
    }


def _parts(told: Report, key: str) -> dict[str, Any]:
    first = [told.say(f"report.column.{'ward' if key == 'wards' else 'part'}"), told.say("report.column.stalls")]
    return {
        "title": told.say(f"report.section.{key}"),
        "columns": [*first, *(told.say(f"report.short.{name}") for name in IN_TABLE)],
        "rows": [_part(part, told.language) for part in told.parts],
        "nothing": told.say("report.no_parts"),
    }


def _part(part: Part, language: str) -> list[str]:
    stalls = number.count(part.of("onboarded").figure.N, language)
    return [part.name, stalls, *(part.of(name).bare for name in IN_TABLE)]


def _days(told: Report) -> dict[str, Any]:
    names = ("day", "day_value", "day_count")
    return {
        "title": told.say("report.section.days"),
        "columns": [told.say(f"report.column.{name}") for name in names],
        "rows": [row for found in told.days for row in _rows(found, told)],
        "nothing": told.say("report.no_days"),
        "note": told.say("report.days_now", moment=told.made_locally),
    }


def _rows(found: MarketDays, told: Report) -> list[list[str]]:
    hidden = told.say("report.hidden")
    return [
        [f"{day.date:%d/%m/%Y}", hidden, hidden]
        if day.value is None or day.number is None
        else [
            f"{day.date:%d/%m/%Y}",
            figure_words.amount(day.value, "cashless_value", told.language).removesuffix("\u00a0₫"),
            number.count(day.number, told.language),
        ]
        for day in found.days
    ]
