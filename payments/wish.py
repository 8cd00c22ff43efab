"""What somebody wants done with a finding, said on a page, in a workbook or at the command line; carried out alike."""

from typing import NamedTuple

from sqlmodel import Session

from ground import audit
from ground.audit import Act
from ground.refusal import Refusal
from merchants import stall
from merchants.market import Market
from merchants.stall import Stall
from payments import decision


class Wish(NamedTuple):
    """verb: `assign`, `close` or `undo`. stall: to which one, `NUMBER` or `MARKET/NUMBER`, where it is to be given."""

    finding_id: int
    verb: str
    stall: str
    reason: str


def grant(session: Session, wish: Wish, market: Market | None, *, by: str) -> None:
    """Carry it out and write the record of it, last before the caller's commit. market: whose board wishes it."""
    audit.record_all(session, by, [carry_out(session, wish, market, by=by)])


def carry_out(session: Session, wish: Wish, market: Market | None, *, by: str) -> Act:
    """The same without the record, for who carries out many of them: it belongs to the end (`audit.record_all`)."""
    if wish.verb == "assign":
        owner = _named_stall(session, market, wish)
        return decision.assign(session, wish.finding_id, owner, by=by, reason=wish.reason, market=market)
    if wish.verb == "close":
        return decision.close(session, wish.finding_id, by=by, reason=wish.reason, market=market)
    if wish.verb == "undo":
        return decision.undo(session, wish.finding_id, by=by, reason=wish.reason, market=market)
    raise Refusal("worklist.unknown_decision", text=wish.verb[:40])


def _named_stall(session: Session, market: Market | None, wish: Wish) -> int:
    """The stall that a wish names; a board's must be its own."""
    name = wish.stall.strip()
    if not name:
        raise Refusal("worklist.no_stall")
    if market is None:
        return stall.find(session, name, among=decision.candidate_markets(session, wish.finding_id))
    found = stall.find(session, f"{market.code}/{name.removeprefix(f'{market.code}/')}", among=[market.key])
    if session.get_one(Stall, found).market_id != market.key:
        raise Refusal("stall.unknown", stall=name, status=404)
    return found
