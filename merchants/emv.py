"""EMVCo objects: id, length and value, cut with exact fit at every level, and the checksum round them."""

import re
from binascii import crc_hqx
from typing import TypeAlias

from ground.refusal import Refusal

GUID = "A000000727"
"""NAPAS's own application identifier, 38.00."""

Fields: TypeAlias = "dict[str, str | Fields]"

# At most 100 objects of at most 4 + 99 characters: nothing longer can be one, so nothing longer is looked at.
_LONGEST = 100 * (4 + 99)
_OBJECT = re.compile(r"[0-9]{4}")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def put(id: str, value: str | None) -> str:
    """NAPAS v1.0: a length of zero is not allowed, the object is left out instead."""
    if not value:
        return ""
    assert len(value) <= 99
    return f"{id}{len(value):02}{value}"


def crc(text: str) -> str:
    """CRC-16/CCITT-FALSE over the bytes, `6304` included."""
    return f"{crc_hqx(text.encode(), 0xFFFF):04X}"


def check_frame(text: str) -> None:
    if not text.startswith("000201"):
        raise Refusal("vietqr.not_a_code")
    if len(text) > _LONGEST:
        raise Refusal("vietqr.too_long", most=_LONGEST)
    if found := _FORBIDDEN.search(text):
        raise Refusal("vietqr.character", position=found.start() + 1)
    if text[-8:-4] != "6304":
        raise Refusal("vietqr.no_crc")
    # Real codes carry the checksum in lower case too.
    if text[-4:].upper() != (right := crc(text[:-4])):
        raise Refusal("vietqr.crc", found=text[-4:], right=right)


def open_payload(text: str) -> Fields:
    """All objects. Writers disagree about the length of an accented letter: one, or its bytes in UTF-8."""
    try:
        return _open_templates(text)
    except Refusal:
        if text.isascii():
            raise
        try:
            return _as_text(_open_templates(text.encode().decode("latin-1")))
        except (Refusal, UnicodeDecodeError):
            pass
        raise


def _as_text(fields: Fields) -> Fields:
    """Fields cut by bytes (each held as one latin-1 character) with their letters put together again."""
    return {
        id: _as_text(value) if isinstance(value, dict) else value.encode("latin-1").decode()
        for id, value in fields.items()
    }


def _open_templates(text: str) -> Fields:
    fields: Fields = {}
    for id, value in _objects(text, "QR").items():
        if id == "38":
            fields[id] = _open_napas(value)
        elif "26" <= id <= "51":
            # A third party's template may be any text; only if it is cut into objects do their rules hold.
            fields[id] = value if _cut(value) is None else dict(_objects(value, id))
        elif id in ("62", "64"):
            fields[id] = dict(_objects(value, id))
        else:
            fields[id] = value
    return fields


def _open_napas(value: str) -> Fields:
    template: Fields = dict(_objects(value, "38"))
    if template.get("00") != GUID:
        raise Refusal("vietqr.guid", right=GUID)
    beneficiary = template.get("01")
    if not isinstance(beneficiary, str):
        raise Refusal("vietqr.beneficiary")
    template["01"] = dict(_objects(beneficiary, "38.01"))
    return template


def _objects(text: str, place: str) -> dict[str, str]:
    """The objects of one level, which must fill it exactly, each once and none of them empty."""
    pairs = _cut(text)
    if pairs is None:
        raise Refusal("vietqr.length", place=place)
    objects: dict[str, str] = {}
    for id, value in pairs:
        inner = id if place == "QR" else f"{place}.{id}"
        if not value:
            raise Refusal("vietqr.zero", place=inner)
        if id in objects:
            raise Refusal("vietqr.duplicate", place=inner)
        objects[id] = value
    return objects


def _cut(text: str) -> list[tuple[str, str]] | None:
    """(id, value) pairs, or None where the lengths do not end exactly at the end."""
    pairs = []
    at = 0
    while at < len(text):
        if not _OBJECT.match(text, at):
            return None
        start = at + 4
        end = start + int(text[at + 2 : start])
        if end > len(text):
            return None
        pairs.append((text[at : at + 2], text[start:end]))
        at = end
    return pairs
