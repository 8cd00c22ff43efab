"""A camt entry, balance, account or period in our words, whichever version's class holds it."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from xsdata.models.datatype import XmlDate, XmlDateTime

from ground import clock
from payments.statements.cell import AMOUNT_MAX, Unreadable, read_memo
from payments.statements.line import Movement
from payments.statements.moment import When, of_moment
from payments.statements.reversal import named
from payments.statements.section import normal

_BOOKED = "BOOK"
_ABSENT = ("", "NOTPROVIDED", "NONREF")
# Where a transaction's own moment may stand, best first; then the entry's days.
_MOMENTS = ("rltd_dts.tx_dt_tm", "rltd_dts.accptnc_dt_tm")
_DAYS = ("val_dt", "bookg_dt")
_REFERENCES = ("refs.acct_svcr_ref", "refs.tx_id", "refs.end_to_end_id", "refs.instr_id", "refs.clr_sys_ref")
_NUMBERS = ("iban", "othr.id", "bban", "upic", "prtry_acct.id")
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)


def movements(row: int, entry: Any, account: str | None) -> Iterator[Movement]:
    """One for each transaction whose amounts make up the entry, else one for the entry; none before it is booked."""
    if _code(_get(entry, "sts.cd") or entry.sts) not in (_BOOKED, "None"):
        return
    total = _dong(entry.amt)
    incoming = _code(entry.cdt_dbt_ind) == "CRDT"
    details = _details(entry)
    parts = [_part(detail) for detail in details]
    if len(details) < 2 or sum(part or 0 for part in parts) != total or not all(parts) or _mixed(entry, details):
        detail = details[0] if len(details) == 1 else None
        yield _movement(row, entry, detail, total, incoming, account)
        return
    for detail, part in zip(details, parts, strict=True):
        assert part
        yield _movement(row, entry, detail, part, incoming, account)


def balances(told: Sequence[Any]) -> tuple[int | None, int | None]:
    """Opening and closing; a report within the day opens and closes with its interim balances."""
    kinds = [(_balance_code(balance), balance) for balance in told]
    interim = [balance for code, balance in kinds if code == "ITBD"]
    opening = [balance for wanted in _OPENING for code, balance in kinds if code == wanted]
    closing = [balance for code, balance in kinds if code in _CLOSING]
    if len(interim) == 2 and not opening:
        opening = interim[:1]
    closing = closing or (interim[-1:] if opening and (len(interim) == 1 or opening == interim[:1]) else [])
    return _signed(opening), _signed(closing)


def of_account(part: Any) -> tuple[str | None, str | None]:
    """Number and currency."""
    number = next((value for path in _NUMBERS if (value := _get(part, f"id.{path}"))), None)
    return (normal(str(number)) or None) if number else None, part.ccy


def period(part: Any) -> tuple[date, date]:
    """First and last day; one that ends at midnight ends with the day before."""
    first, last = (_moment_of(part, name) for name in ("fr_dt_tm", "to_dt_tm"))
    end = clock.business_date(last - timedelta(seconds=1)) if last > first else clock.business_date(last)
    return clock.business_date(first), end


def _movement(row: int, entry: Any, detail: Any, amount: int, incoming: bool, account: str | None) -> Movement:
    undoes = bool(entry.rvsl_ind)
    when = _when(entry, detail)
    found = [_get(entry, "acct_svcr_ref"), *(_get(detail, path) for path in _REFERENCES), _get(entry, "ntry_ref")]
    if detail is not None and _get(detail, "refs.acct_svcr_ref"):
        found = found[1:]  # the transaction's own, not that of the entry it is booked with
    references = [text for text in dict.fromkeys(filter(None, found)) if text.upper() not in _ABSENT]
    if undoes:  # the bank numbers the reversal anew; what it shares with what it reverses are the other numbers
        references = [*references[1:], *references[:1]]
    memo = read_memo(_memo(entry, detail))
    return Movement(
        row,
        when.second,
        when.day,
        amount if incoming else -amount,
        references[0] if references else None,
        memo,
        _payer(detail) if incoming else None,
        _virtual(detail, account) if incoming else None,
        reversal=undoes,
        named=tuple(references[1:]) + (() if incoming else named(memo)),
    )


def _details(entry: Any) -> list[Any]:
    """Version 1 has transactions right below the entry."""
    groups = getattr(entry, "ntry_dtls", None)
    if groups is None:
        return list(entry.tx_dtls)
    return [detail for group in groups for detail in group.tx_dtls]


def _part(detail: Any) -> int | None:
    amount = _get(detail, "amt") or _get(detail, "amt_dtls.tx_amt.amt")
    return None if amount is None else _dong(amount)


def _mixed(entry: Any, details: list[Any]) -> bool:
    """Whether a transaction goes the other way than its entry: then their sum says nothing."""
    ways = {_code(way) for detail in details if (way := _get(detail, "cdt_dbt_ind"))}
    return not ways <= {_code(entry.cdt_dbt_ind)}


def _when(entry: Any, detail: Any) -> When:
    for path in _MOMENTS:
        moment = _get(detail, path)
        if isinstance(moment, XmlDateTime):
            return of_moment(moment.to_datetime())
    for name in _DAYS:
        told = _get(entry, f"{name}.dt_tm") or _get(entry, f"{name}.dt")
        if isinstance(told, XmlDateTime):
            return of_moment(told.to_datetime())
        if isinstance(told, XmlDate):
            return When(told.to_date().toordinal(), None)
    raise Unreadable("statement.no_date")


def _memo(entry: Any, detail: Any) -> str:
    texts = _get(detail, "rmt_inf.ustrd", whole=True) or []
    texts = texts or [_get(detail, "rmt_inf.strd.cdtr_ref_inf.ref"), _get(detail, "addtl_tx_inf")]
    texts = [text for text in texts if text] or [_get(entry, "addtl_ntry_inf")]
    return " ".join(filter(None, texts))


def _payer(detail: Any) -> str | None:
    name = _get(detail, "rltd_pties.dbtr.pty.nm") or _get(detail, "rltd_pties.dbtr.nm")
    return " ".join(filter(None, (_number(detail, "dbtr_acct"), name))) or None


def _virtual(detail: Any, account: str | None) -> str | None:
    """The account that was paid to, where it is another number than the statement's."""
    number = _number(detail, "cdtr_acct")
    return number if number != account else None


def _number(detail: Any, which: str) -> str | None:
    path = next((path for path in _NUMBERS if _get(detail, f"rltd_pties.{which}.id.{path}")), None)
    return normal(str(_get(detail, f"rltd_pties.{which}.id.{path}"))) if path else None


def _balance_code(balance: Any) -> str:
    return _code(_get(balance, "tp.cd_or_prtry.cd") or _get(balance, "tp.cd"))


def _signed(found: list[Any]) -> int | None:
    if not found:
        return None
    amount = _dong(found[0].amt)
    return amount if _code(found[0].cdt_dbt_ind) == "CRDT" else -amount


def _dong(amount: Any) -> int:
    """Whole đồng from an amount with its currency."""
    if amount.ccy != "VND":
        raise Unreadable("statement.foreign_amount", text=amount.ccy)
    value = Decimal(amount.value)
    if value != int(value):
        raise Unreadable("statement.fraction", text=str(value))
    if not 0 <= value < AMOUNT_MAX:
        raise Unreadable("statement.huge", text=str(value))
    return int(value)


def _moment_of(part: Any, name: str) -> Any:
    moment = _get(part, name).to_datetime()
    return moment if moment.tzinfo else moment.replace(tzinfo=clock.ZONE)


def _code(value: Any) -> str:
    """An enumeration's member or a plain text, as versions differ."""
    return str(getattr(value, "value", value))


def _get(part: Any, path: str, whole: bool = False) -> Any:
    """Follows attributes as far as there are any; of a list the first, unless all of it is wanted."""
    names = path.split(".")
    for at, name in enumerate(names):
        part = getattr(part, name, None)
        if isinstance(part, list) and not (whole and at == len(names) - 1):
            part = part[0] if part else None
        if part is None:
            return None
    return part
