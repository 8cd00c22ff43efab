"""The open data's rows as SDMX-CSV 2.0, the status in SDMX's own codes."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from payments import open_data
from payments.figure import Figure
from payments.open_data import Edition

AGENCY, VERSION, FLOW, CONCEPTS = "MARKET40", "1.0.0", "RATES", "CS_RATES"
STRUCTURE_ID = f"{AGENCY}:{FLOW}({VERSION})"
NOT_APPLICABLE = "_Z"

# SDMX cross-domain code lists, as far as they are used here: CL_OBS_STATUS and CL_CONF_STATUS.
OBS_STATUS = ("A", "P", "Q", "L", "M")
CONF_STATUS = ("F", "C", "N")
UNITS = {"share": "SHARE", "dong": "VND", "transactions": "TRANSACTIONS"}
# There was nothing to measure, which is something else than not having been told.
_CANNOT_EXIST = ("figure.no_stalls", "figure.no_sales")


class Column(NamedTuple):
    """A component of the structure: its role and type as SDMX names them, the code list its values come from."""

    id: str
    role: str
    type: str
    codes: str | None = None
    required: bool = False


COLUMNS = (
    Column("AREA", "DIMENSION", "STRING", None, True),
    Column("VALID_FROM", "DIMENSION", "STRING", None, True),
    Column("INDICATOR", "DIMENSION", "STRING", "CL_INDICATOR", True),
    Column("TIME_PERIOD", "DIMENSION", "PERIOD", None, True),
    Column("OBS_VALUE", "MEASURE", "DOUBLE"),
    Column("OBS_STATUS", "ATTRIBUTE", "STRING", "CL_OBS_STATUS", True),
    Column("CONF_STATUS", "ATTRIBUTE", "STRING", "CL_CONF_STATUS", True),
    Column("UNIT_MEASURE", "ATTRIBUTE", "STRING", "CL_UNIT", True),
    Column("LOW", "ATTRIBUTE", "DOUBLE"),
    Column("HIGH", "ATTRIBUTE", "DOUBLE"),
    Column("NUMERATOR", "ATTRIBUTE", "LONG"),
    Column("DENOMINATOR", "ATTRIBUTE", "LONG"),
    Column("SAMPLE_SIZE", "ATTRIBUTE", "LONG", None, True),
    Column("POPULATION_SIZE", "ATTRIBUTE", "LONG", None, True),
    Column("COVERAGE", "ATTRIBUTE", "DOUBLE"),
    Column("METHOD", "ATTRIBUTE", "STRING"),
    Column("REVISION", "ATTRIBUTE", "LONG"),
    Column("DEFINITIONS_VERSION", "ATTRIBUTE", "LONG", None, True),
    Column("AREA_NAME", "ATTRIBUTE", "STRING"),
    Column("COMMENT_OBS", "ATTRIBUTE", "STRING"),
)


def as_csv(edition: Edition, language: str) -> Iterator[str]:
    """SDMX-CSV 2.0, some rows at a time: a number that is not shown is NaN, and its status says why."""
    names = ("STRUCTURE", "STRUCTURE_ID", "ACTION", *(column.id for column in COLUMNS))
    return open_data.write(names, _cells(edition, language))


def _cells(edition: Edition, language: str) -> Iterator[list[str]]:
    time = time_period(edition.period.text)
    for release in edition.releases:
        found = release.rated.area
        since = found.since.isoformat() if found.since else NOT_APPLICABLE
        for figure in release.rated.figures:
            told: tuple[Any, ...] = (
                found.key,
                since,
                figure.indicator.upper(),
                time,
                "NaN" if figure.value is None else figure.value,
                obs_status(figure),
                conf_status(figure),
                UNITS[open_data.unit(figure)],
                figure.low,
                figure.high,
                figure.numerator,
                figure.denominator,
                figure.n,
                figure.N,
                figure.coverage,
                figure.method,
                release.revision,
                release.definitions_version,
                found.name,
                figure.because(language),
            )
            yield ["dataflow", STRUCTURE_ID, "I", *("" if value is None else str(value) for value in told)]


def obs_status(figure: Figure) -> str:
    """CL_OBS_STATUS: normal once final, provisional, suppressed, could not exist, or exists and was not collected."""
    if figure.status == "suppressed":
        return "Q"
    if figure.status == "insufficient":
        return "M" if figure.reason in _CANNOT_EXIST else "L"
    return "A" if figure.status == "final" else "P"


def conf_status(figure: Figure) -> str:
    """CL_CONF_STATUS. Which cell was hidden first, and which only to cover it, is nobody's to know: C for both."""
    if figure.status != "suppressed":
        return "F"
    return "N" if figure.reason == "figure.day_not_over" else "C"


def time_period(text: str) -> str:
    """As SDMX writes it: a half-year is a semester, nine months are a range."""
    year, _, part = text.partition("-")
    if part == "9M":
        return f"{year}-01-01/P9M"
    return f"{year}-S{part[1]}" if part.startswith("H") else text
