"""Whose money is it? The account that received it limits the answer; the token only chooses within it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from merchants import stall
from merchants.stall import Service
from payments import receiving_account


class Receipt(NamedTuple):
    """What attribution may look at: where the money arrived, on which day, and the tokens found in the memo.

    serial: of the code whose page a card was paid on, as we wrote it into the payment ourselves.
    """

    account: str
    virtual_account: str | None
    bin: str | None
    business_date: date
    tokens: Sequence[str]
    serial: str | None = None


class Attribution(NamedTuple):
    """`stall_id` None: the money waits in suspense. `finding` None: nothing to look into."""

    stall_id: int | None
    market_id: int | None
    finding: str | None
    candidates: tuple[int, ...] = ()
    foreign: tuple[str, ...] = ()


class Directory(NamedTuple):
    """Who is served by which account when, and which stall a token or a serial names (live or revoked).

    serials: (stall, market) by the code's serial.
    """

    services: Mapping[str, Sequence[Service]]
    tokens: Mapping[str, int]
    serials: Mapping[str, tuple[int, int]] = MappingProxyType({})


_TOKENS = text("SELECT token, stall_id FROM code WHERE token = ANY(:tokens)")
_SERIALS = text("""
    SELECT c.serial, c.stall_id, s.market_id FROM code c JOIN stall s ON s.id = c.stall_id
    WHERE c.serial = ANY(:serials)
""")


def directory(
    session: Session, numbers: Iterable[str], tokens: Iterable[str], serials: Iterable[str] = ()
) -> Directory:
    """What the registry says now of these account numbers and tokens, for every day."""
    by_number: dict[str, list[Service]] = {}
    for service in stall.services(session, sorted(set(numbers))):
        by_number.setdefault(service.number, []).append(service)
    named = session.execute(_TOKENS, {"tokens": sorted(set(tokens))})
    of_serials = {}
    if wanted := sorted(set(serials)):
        rows = session.execute(_SERIALS, {"serials": wanted})
        of_serials = {row.serial: (row.stall_id, row.market_id) for row in rows}
    return Directory(by_number, {row.token: row.stall_id for row in named}, of_serials)


def attribute(receipt: Receipt, known: Directory) -> Attribution:
    """The five rules of docs/commands.md, "Whose money it is", all as of the receipt's business day.

    A card's payment has no account of a vendor's: the code it was made for says whose it is.
    """
    if receipt.serial is not None:
        stall_id, market_id = known.serials.get(receipt.serial, (None, None))
        return Attribution(stall_id, market_id, "unattributed" if stall_id is None else None)
    named = {token: known.tokens[token] for token in receipt.tokens if token in known.tokens}
    owner = _virtual_owner(receipt, known)
    if owner is not None:
        foreign = tuple(token for token, stall_id in named.items() if stall_id != owner.stall_id)
        return Attribution(
            owner.stall_id, owner.market_id, "ambiguous" if foreign else None, (owner.stall_id,), foreign
        )
    served = _served(receipt.account, receipt, known)
    if served is None:
        return Attribution(None, None, "ambiguous", _stalls(_on_day(receipt.account, receipt, known)), tuple(named))
    return _choose([service for service in served if not service.virtual], named)


def _choose(served: Sequence[Service], named: Mapping[str, int]) -> Attribution:
    stalls = {service.stall_id: service.market_id for service in served}
    candidates = _stalls(served)
    market_id = served[0].market_id if len({*stalls.values()}) == 1 else None
    if not served:
        return Attribution(None, None, "unknown_account", (), tuple(named))
    foreign = tuple(token for token, stall_id in named.items() if stall_id not in stalls)
    chosen = {stall_id for stall_id in named.values() if stall_id in stalls}
    if foreign or len(chosen) > 1:
        return Attribution(None, market_id, "ambiguous", candidates, foreign)
    if not chosen and len(stalls) > 1:
        return Attribution(None, market_id, "unattributed", candidates)
    (stall_id,) = chosen or stalls
    return Attribution(stall_id, stalls[stall_id], None, candidates)


def _virtual_owner(receipt: Receipt, known: Directory) -> Service | None:
    """The one stall that a virtual account serves; told as such, or as the receiving account itself."""
    for number in (receipt.virtual_account, receipt.account):
        if number is not None:
            owners = [service for service in _served(number, receipt, known) or () if service.virtual]
            if len(owners) == 1:
                return owners[0]
    return None


def _served(number: str, receipt: Receipt, known: Directory) -> Sequence[Service] | None:
    """What the account with this number serves; None when two could be meant."""
    return receiving_account.only_one(_on_day(number, receipt, known))


def _on_day(number: str, receipt: Receipt, known: Directory) -> list[Service]:
    return [
        service
        for service in known.services.get(number, ())
        if service.holds_on(receipt.business_date) and receipt.bin in (None, service.bin)
    ]


def _stalls(served: Sequence[Service]) -> tuple[int, ...]:
    return tuple(sorted({service.stall_id for service in served}))
