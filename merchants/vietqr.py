"""VietQR text (EMVCo objects as NAPAS uses them): written strictly, read leniently, refused with reasons."""

import re
import unicodedata
from binascii import crc_hqx
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn, TypeAlias

from ground.refusal import Refusal

GUID = "A000000727"
"""NAPAS's own application identifier, 38.00."""
TRANSFER_TO_ACCOUNT = "QRIBFTTA"

Fields: TypeAlias = "dict[str, str | Fields]"
_Texts: TypeAlias = dict[str, str]

# At most 100 objects of at most 4 + 99 characters: nothing longer can be one, so nothing longer is looked at.
_LONGEST = 100 * (4 + 99)
_OBJECT = re.compile(r"[0-9]{4}")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BIN = re.compile(r"[0-9]{6}")
_ACCOUNT = re.compile(r"[0-9A-Za-z]{1,19}")
_SERVICE = re.compile(r"[0-9A-Za-z]{1,10}")
_AMOUNT = re.compile(r"[0-9]+(?:\.[0-9]*)?")
# What QR's alphanumeric mode holds: one other character makes the print 49 modules wide instead of 41.
_UNMAPPED = re.compile(r"[^0-9A-Z$%*+\-./:]+")
# NFKD leaves the stroke of đ alone; eth and African d are what some keyboards type for it.
_STROKED = str.maketrans("ĐÐƉ", "DDD")


@dataclass(frozen=True, slots=True)
class VietQR:
    """A payment code as read.

    `fields` holds all root objects but 00 and 63; 26–51, 62 and 64 are opened one level, 38.01 two.
    `bin`, `account` and `service` are None unless the code has a NAPAS template (38); a NAPAS code without
    38.02 has no `service`. `amount` is whole đồng: None where 54 is absent or holds a fraction (then only
    `fields` has it). `token` is 62.08 as it stands, whoever wrote it.
    """

    fields: Fields
    bin: str | None
    account: str | None
    service: str | None
    amount: int | None
    token: str | None
    payload: str


# --- writing


def write(
    *,
    bin: str,
    account: str,
    amount: int | None = None,
    token: str | None = None,
    merchant_name: str | None = None,
    city: str | None = None,
) -> str:
    """The payload of a transfer to an account: static without an amount, for one payment with it.

    Only characters of QR's alphanumeric mode come out: texts are folded, letters of the account upper-cased.
    Limits are NAPAS v1.0's: BIN 6 digits, account at most 19, 54 at most 13, 59 and 62.08 at most 25, 60 at
    most 15.
    """
    if not _BIN.fullmatch(bin):
        raise Refusal("vietqr.bin", found=_clip(bin))
    if not _ACCOUNT.fullmatch(account):
        raise Refusal("vietqr.account", found=_clip(account))
    if amount is not None and not (type(amount) is int and 0 < amount < 10**13):
        raise Refusal("vietqr.amount_range")
    beneficiary = _object("00", bin) + _object("01", account.upper())
    template = _object("00", GUID) + _object("01", beneficiary) + _object("02", TRANSFER_TO_ACCOUNT)
    purpose = _folded("vietqr.purpose", token, 25)
    objects = [
        _object("00", "01"),
        _object("01", "11" if amount is None else "12"),
        _object("38", template),
        _object("53", "704"),
        _object("54", None if amount is None else str(amount)),
        _object("58", "VN"),
        _object("59", _folded("vietqr.merchant_name", merchant_name, 25)),
        _object("60", _folded("vietqr.city", city, 15)),
        _object("62", _object("08", purpose)),
    ]
    body = "".join(objects) + "6304"
    return body + _crc(body)


def fold(text: str) -> str:
    """`Chợ Đầm (khu B)` as `CHO DAM KHU B`: only what QR's alphanumeric mode holds, the rest one space."""
    return _UNMAPPED.sub(" ", "".join(map(_plain, text))).strip()


@lru_cache(4096)
def _plain(letter: str) -> str:
    """One letter at a time: normalising a long text full of combining marks takes quadratic time."""
    decomposed = unicodedata.normalize("NFKD", letter).upper().translate(_STROKED)
    return "".join(part for part in decomposed if not unicodedata.combining(part))


def _folded(code: str, text: str | None, most: int) -> str | None:
    if text is None:
        return None
    folded = fold(text)
    if not 1 <= len(folded) <= most:
        raise Refusal(code, found=_clip(text), most=most)
    return folded


def _object(id: str, value: str | None) -> str:
    """NAPAS v1.0: a length of zero is not allowed, the object is left out instead."""
    if not value:
        return ""
    assert len(value) <= 99
    return f"{id}{len(value):02}{value}"


def _crc(text: str) -> str:
    """CRC-16/CCITT-FALSE over the bytes, `6304` included."""
    return f"{crc_hqx(text.encode(), 0xFFFF):04X}"


# --- reading


def read(payload: str) -> VietQR:
    """A payment code in whatever way it was written, third parties' too; Refusal says why it is none.

    The checksum comes first: once it is wrong, every other fault is only its consequence.
    """
    text = payload.strip()
    _check_frame(text)
    fields = _open(text)
    _check_ends(fields)
    del fields["00"], fields["63"]
    _check_account(fields)
    _check_rest(fields)
    napas = fields.get("38", {})
    beneficiary = _template(napas, "01")
    return VietQR(
        fields=fields,
        bin=_text(beneficiary, "00"),
        account=_text(beneficiary, "01"),
        service=_text(napas, "02"),
        amount=_amount(_text(fields, "54")),
        token=_text(fields.get("62", {}), "08"),
        payload=text,
    )


def _check_frame(text: str) -> None:
    if not text.startswith("000201"):
        raise Refusal("vietqr.not_a_code")
    if len(text) > _LONGEST:
        raise Refusal("vietqr.too_long", most=_LONGEST)
    if found := _FORBIDDEN.search(text):
        raise Refusal("vietqr.character", position=found.start() + 1)
    if text[-8:-4] != "6304":
        raise Refusal("vietqr.no_crc")
    # Real codes carry the checksum in lower case too.
    if text[-4:].upper() != (right := _crc(text[:-4])):
        raise Refusal("vietqr.crc", found=text[-4:], right=right)


def _open(text: str) -> Fields:
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


def _objects(text: str, place: str) -> _Texts:
    """The objects of one level, which must fill it exactly, each once and none of them empty."""
    pairs = _cut(text)
    if pairs is None:
        raise Refusal("vietqr.length", place=place)
    objects: _Texts = {}
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


def _check_ends(fields: Fields) -> None:
    """The text ends like a checksum, but the lengths may have made something else of that end."""
    if list(fields)[-1] != "63":
        raise Refusal("vietqr.no_crc")
    if fields.get("01", "11") not in ("11", "12"):
        raise Refusal("vietqr.initiation", found=_clip(str(fields["01"])))


def _check_account(fields: Fields) -> None:
    """NAPAS v1.0, ID 38; a code without it names its receiver in another of 02–51."""
    if not any("02" <= id <= "51" for id in fields):
        raise Refusal("vietqr.no_receiver")
    if "38" not in fields:
        return
    napas = fields["38"]
    beneficiary = _template(napas, "01")
    bin, account = beneficiary.get("00"), beneficiary.get("01")
    if bin is None or account is None:
        raise Refusal("vietqr.beneficiary")
    if not isinstance(bin, str) or not _BIN.fullmatch(bin):
        _refuse_value("vietqr.bin", bin)
    if not isinstance(account, str) or not _ACCOUNT.fullmatch(account):
        _refuse_value("vietqr.account", account)
    service = _text(napas, "02")
    # v1.5.2 lets the service default, but an inner length that swallowed 38.02 looks just like that.
    if service is None and len(beneficiary) > 2:
        raise Refusal("vietqr.swallowed")
    if service is not None and not _SERVICE.fullmatch(service):
        _refuse_value("vietqr.service", service)


def _check_rest(fields: Fields) -> None:
    """Currency, country and amount."""
    for id, right, name in (("53", "704", "currency"), ("58", "VN", "country")):
        if id not in fields:
            raise Refusal(f"vietqr.no_{name}")
        if "38" in fields and fields[id] != right:
            _refuse_value(f"vietqr.{name}", fields[id])
    amount = _text(fields, "54")
    if amount is not None and not (len(amount) <= 13 and _AMOUNT.fullmatch(amount) and amount.strip("0.")):
        _refuse_value("vietqr.amount", amount)


def _amount(text: str | None) -> int | None:
    whole, _, fraction = (text or "").partition(".")
    return int(whole) if whole and not fraction.strip("0") else None


def _template(fields: "str | Fields", id: str) -> Fields:
    value = fields.get(id) if isinstance(fields, dict) else None
    return value if isinstance(value, dict) else {}


def _text(fields: "str | Fields", id: str) -> str | None:
    value = fields.get(id) if isinstance(fields, dict) else None
    return value if isinstance(value, str) else None


def _refuse_value(code: str, found: object) -> NoReturn:
    raise Refusal(code, found=_clip(str(found)))


def _clip(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
