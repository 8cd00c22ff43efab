"""The three papers a report can be, by the ending of their files."""

from collections.abc import Callable

from ground.refusal import Refusal
from payments import report_print, report_workbook
from payments.report import Report


def _letter(told: Report) -> bytes:
    from payments import report_letter

    return report_letter.docx(told)


WRITERS: dict[str, Callable[[Report], bytes]] = {
    "xlsx": report_workbook.xlsx,
    "docx": _letter,
    "pdf": report_print.pdf,
}


def check(ending: str) -> None:
    """Refuses a paper there is none of."""
    if ending not in WRITERS:
        raise Refusal("report.unknown_format", status=404, format=ending[:20])


def write(told: Report, ending: str) -> bytes:
    """The file's content. Takes tenths of a second: never inside a transaction."""
    check(ending)
    return WRITERS[ending](told)
