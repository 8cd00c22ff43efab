"""VietQR text (EMVCo objects as NAPAS uses them): written strictly, read leniently, refused with reasons."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from ground.refusal import Refusal
from merchants import emv
from merchants.emv import Fields

TRANSFER_TO_ACCOUNT = "QRIBFTTA"

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
    beneficiary = emv.put("00", bin) + emv.put("01", account.upper())
    template = emv.put("00", emv.GUID) + emv.put("01", beneficiary) + emv.put("02", TRANSFER_TO_ACCOUNT)
    purpose = _folded("vietqr.purpose", token, 25)
    objects = [
        emv.put("00", "01"),
        emv.put("01", "11" if amount is None else "12"),
        emv.put("38", template),
        emv.put("53", "704"),
        emv.put("54", None if amount is None else str(amount)),
        emv.put("58", "VN"),
        emv.put("59", _folded("vietqr.merchant_name", merchant_name, 25)),
        emv.put("60", _folded("vietqr.city", city, 15)),
        emv.put("62", emv.put("08", purpose)),
    ]
    body = "".join(objects) + "6304"
    return body + emv.crc(body)


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


# --- reading


def read(payload: str) -> VietQR:
    """A payment code in whatever way it was written, third parties' too; Refusal says why it is none.

    The checksum comes first: once it is wrong, every other fault is only its consequence.
    """
    text = payload.strip()
    emv.check_frame(text)
    fields = emv.open_payload(text)
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
