"""The open data as SDMX: the structure by pysdmx, the rows as SDMX-CSV 2.0, the status in SDMX's own codes."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from pysdmx.io import write_sdmx
from pysdmx.io.format import Format
from pysdmx.model import (
    Agency,
    Code,
    Codelist,
    Component,
    Components,
    Concept,
    ConceptScheme,
    Dataflow,
    DataStructureDefinition,
    DataType,
    ItemReference,
    Organisation,
    Role,
    Schema,
)
from pysdmx.model.message import Header

from ground import words
from payments import open_data
from payments.figure import Figure
from payments.indicator import INDICATORS
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
    """A component of the structure: its role, its type, the code list its values come from."""

    id: str
    role: Role
    type: DataType
    codes: str | None = None
    required: bool = False


COLUMNS = (
    Column("AREA", Role.DIMENSION, DataType.STRING, None, True),
    Column("VALID_FROM", Role.DIMENSION, DataType.STRING, None, True),
    Column("INDICATOR", Role.DIMENSION, DataType.STRING, "CL_INDICATOR", True),
    Column("TIME_PERIOD", Role.DIMENSION, DataType.PERIOD, None, True),
    Column("OBS_VALUE", Role.MEASURE, DataType.DOUBLE),
    Column("OBS_STATUS", Role.ATTRIBUTE, DataType.STRING, "CL_OBS_STATUS", True),
    Column("CONF_STATUS", Role.ATTRIBUTE, DataType.STRING, "CL_CONF_STATUS", True),
    Column("UNIT_MEASURE", Role.ATTRIBUTE, DataType.STRING, "CL_UNIT", True),
    Column("LOW", Role.ATTRIBUTE, DataType.DOUBLE),
    Column("HIGH", Role.ATTRIBUTE, DataType.DOUBLE),
    Column("NUMERATOR", Role.ATTRIBUTE, DataType.LONG),
    Column("DENOMINATOR", Role.ATTRIBUTE, DataType.LONG),
    Column("SAMPLE_SIZE", Role.ATTRIBUTE, DataType.LONG, None, True),
    Column("POPULATION_SIZE", Role.ATTRIBUTE, DataType.LONG, None, True),
    Column("COVERAGE", Role.ATTRIBUTE, DataType.DOUBLE),
    Column("METHOD", Role.ATTRIBUTE, DataType.STRING),
    Column("REVISION", Role.ATTRIBUTE, DataType.LONG),
    Column("DEFINITIONS_VERSION", Role.ATTRIBUTE, DataType.LONG, None, True),
    Column("AREA_NAME", Role.ATTRIBUTE, DataType.STRING),
    Column("COMMENT_OBS", Role.ATTRIBUTE, DataType.STRING),
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


@cache
def schema() -> Schema:
    """The columns with their code lists, as pysdmx checks data against them."""
    return Schema("dataflow", AGENCY, FLOW, Components([_component(each) for each in COLUMNS]), VERSION)


def structure(prepared: datetime) -> str:
    """SDMX-JSON 2.0: code lists, concepts, data structure and dataflow."""
    components = Components([_component(each, by_reference=True) for each in COLUMNS])
    name = words.say("open_data.title", "en")
    agency = Agency(AGENCY)
    defined = DataStructureDefinition(FLOW, agency=agency, name=name, version=VERSION, components=components)
    flow = Dataflow(FLOW, agency=agency, name=name, version=VERSION, structure=defined)
    concepts = [Concept(each.id, name=_name("sdmx", each.id), dtype=each.type) for each in COLUMNS]
    scheme = ConceptScheme(CONCEPTS, agency=agency, name=name, version=VERSION, items=concepts)
    header = Header(id=FLOW, prepared=prepared, sender=Organisation(AGENCY))
    told = write_sdmx([*codelists().values(), scheme, defined, flow], Format.STRUCTURE_SDMX_JSON_2_0_0, header=header)
    assert told is not None, "asked for as text"
    return told


@cache
def codelists() -> dict[str, Codelist]:
    lists = {
        "CL_INDICATOR": {each.__name__.upper(): words.say(f"indicator.{each.__name__}", "en") for each in INDICATORS},
        "CL_OBS_STATUS": {code: _name("obs_status", code) for code in OBS_STATUS},
        "CL_CONF_STATUS": {code: _name("conf_status", code) for code in CONF_STATUS},
        "CL_UNIT": {code: _name("unit", name) for name, code in UNITS.items()},
    }
    return {
        id_: Codelist(
            id_,
            agency=Agency(AGENCY),
            name=_name("codelist", id_),
            version=VERSION,
            items=[Code(code, name=name) for code, name in codes.items()],
        )
        for id_, codes in lists.items()
    }


def _component(column: Column, *, by_reference: bool = False) -> Component:
    codes = codelists()[column.codes] if column.codes else None
    reference = f"urn:sdmx:org.sdmx.infomodel.codelist.{codes.short_urn}" if codes is not None else None
    concept = ItemReference("Concept", AGENCY, CONCEPTS, VERSION, column.id)
    return Component(
        column.id,
        column.required,
        column.role,
        concept if by_reference else Concept(column.id, dtype=column.type),
        local_dtype=column.type,
        local_codes=codes,
        local_enum_ref=reference,
        attachment_level="O" if column.role is Role.ATTRIBUTE else None,
    )


def _name(table: str, key: str) -> str:
    return words.say(f"open_data.{table}.{key}", "en")
