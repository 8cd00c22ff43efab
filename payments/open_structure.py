"""The structure of the open data's rows, in SDMX by pysdmx."""

from datetime import datetime
from functools import cache

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
from payments.indicator import INDICATORS
from payments.open_rows import AGENCY, COLUMNS, CONCEPTS, CONF_STATUS, FLOW, OBS_STATUS, UNITS, VERSION, Column


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
    concepts = [Concept(each.id, name=_name("sdmx", each.id), dtype=DataType[each.type]) for each in COLUMNS]
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
        Role[column.role],
        concept if by_reference else Concept(column.id, dtype=DataType[column.type]),
        local_dtype=DataType[column.type],
        local_codes=codes,
        local_enum_ref=reference,
        attachment_level="O" if column.role == "ATTRIBUTE" else None,
    )


def _name(table: str, key: str) -> str:
    return words.say(f"open_data.{table}.{key}", "en")
