"""An approval: what was applied for becomes a row of the roll and a code, and those whom it touches are told."""

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import clock, words
from ground.refusal import Refusal
from merchants import application, claim, code, merchant, roll, stall
from merchants.application import Application
from merchants.claim import Claim, Holder
from merchants.market import Market
from merchants.roll_file import RollRow

COLUMNS = ("status", "merchant", "phone", "bank", "account", "account_name", "virtual_account")
PEOPLE = ("same", "new")


class Told(NamedTuple):
    """A phone to tell, after the commit: the sentence's key and what fills it."""

    phone: str
    key: str
    params: dict[str, Any]


class Approved(NamedTuple):
    """`since`: its first day. `serials`: the codes issued. `left_phone`: one that opens this merchant no more."""

    since: date
    serials: list[str]
    revoked: list[str]
    declined: list[int]
    told: list[Told]
    left_phone: str | None


def hold(session: Session, market: Market) -> None:
    """One decision of a market at a time; before an application is locked, so that no two wait for each other."""
    session.execute(text("SELECT 1 FROM market WHERE id = :id FOR UPDATE"), {"id": market.key})


def approve(
    session: Session,
    wanted: Application,
    market: Market,
    *,
    by: str,
    moment: datetime,
    person: str = "",
    seen: str = "",
) -> Approved:
    """Write it into the roll from its first day on, and issue the code.

    `person` settles who the applicant is where the roll has somebody there: the `same`, or somebody `new` who takes
    the stall over. The others who asked for the stall are declined. `seen`: the claim as the approver saw it.
    """
    hold(session, market)
    today = clock.business_date(moment)
    case = claim.look_into(session, wanted, today)
    is_same = _settle(wanted, case, person, seen)
    merchant_id, left_phone = _merchant(session, wanted, case, is_same, moment)
    since = max(case.since(wanted, merchant_id), market.since)
    roll.write_in(session, market, _row(wanted, since), COLUMNS, merchant_id=merchant_id)
    stall_id = stall.find(session, f"{market.code}/{wanted.stall}", among=[market.key])
    revoked = []
    if not (is_same and case.holder and case.holder.account == wanted.account):
        reason = words.say("application.written.account" if is_same else "application.written.taken_over")
        revoked = code.revoke_at(session, stall_id, reason=reason, on=since)
    serials = code.issue(session, market, since=since, stall_id=stall_id)
    wanted.merchant_id = merchant_id
    application.take(session, wanted, "approve", by=by, moment=moment)
    declined = _decline_rivals(session, case, wanted, by, moment)
    told = [*_told(wanted, market, case, is_same, since), *(_told_no(each, market) for each in case.rivals)]
    return Approved(since, serials, revoked, declined, told, left_phone)


def _settle(wanted: Application, case: Claim, person: str, seen: str) -> bool:
    """Whether the applicant is whom the roll has there. Refuses a conflict about which nothing was said."""
    if case.relation == "gone":
        raise Refusal("application.gone", status=409, stall=wanted.stall)
    if (case.is_conflict or case.relation == "likely") and seen != case.seen:
        raise Refusal("application.changed" if seen else "application.conflict", status=409)
    if case.relation in ("other", "likely") and person not in PEOPLE:
        raise Refusal("application.conflict", status=409)
    return case.relation == "hers" or (case.relation in ("other", "likely") and person == "same")


def _merchant(
    session: Session, wanted: Application, case: Claim, is_same: bool, moment: datetime
) -> tuple[int, str | None]:
    """Who it is in the books, and the phone she had before, if another. A person who is new is never an old one."""
    filled = wanted.filled
    found = case.holder.merchant_id if is_same and case.holder else claim.known(session, wanted)
    if found is None:
        return merchant.add(session, wanted.market_id, filled.name, filled.phone, moment), None
    return found, merchant.correct(session, found, filled.name, filled.phone)


def _row(wanted: Application, since: date) -> RollRow:
    filled = wanted.filled
    return RollRow(
        row=wanted.key,
        stall=filled.stall,
        section=None,
        goods=None,
        merchant=filled.name,
        phone=filled.phone,
        status="trading",
        since=since,
        bin=filled.bin,
        account=filled.account,
        account_name=filled.account_name,
        virtual_account=None,
    )


def _decline_rivals(session: Session, case: Claim, wanted: Application, by: str, moment: datetime) -> list[int]:
    """Without the winner's name: that is nobody else's business."""
    reason = words.say("application.written.rival", stall=wanted.stall)
    for each in case.rivals:
        application.take(session, each, "decline", by=by, moment=moment, reason=reason)
    return [each.key for each in case.rivals]


def _told(wanted: Application, market: Market, case: Claim, is_same: bool, since: date) -> list[Told]:
    """The applicant, and whoever had the stall or the account until now, at the phone the roll had."""
    place = {"stall": wanted.stall, "market": market.name, "since": since}
    told = [Told(wanted.filled.phone, "joining.told.approved", place)]
    before = case.holder
    if before is None or before.phone is None:
        return told
    key = _touched(wanted, before, is_same)
    return [*told, Told(before.phone, key, place)] if key else told


def _touched(wanted: Application, before: Holder, is_same: bool) -> str | None:
    """What the one who had the stall is told of, if anything."""
    if not is_same:
        return "joining.told.taken_over"
    if before.phone != wanted.phone:
        return "joining.told.phone"
    return "joining.told.account" if before.account not in (None, wanted.account) else None


def decline(
    session: Session, wanted: Application, market: Market, step: str, *, by: str, moment: datetime, reason: str
) -> list[Told]:
    """Return it for changes, or decline it, with the reason; the applicant is told."""
    application.take(session, wanted, step, by=by, moment=moment, reason=reason)
    if step == "return":
        place = {"stall": wanted.stall, "market": market.name}
        return [Told(wanted.filled.phone, "joining.told.returned", place)]
    return [_told_no(wanted, market)]


def _told_no(wanted: Application, market: Market) -> Told:
    return Told(wanted.filled.phone, "joining.told.declined", {"stall": wanted.stall, "market": market.name})
