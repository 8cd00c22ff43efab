"""The board's applications: what waits, each beside the roll and its rivals, and the decision with its reason."""

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from merchants import account, application, approval, bank, claim, leaving, market
from merchants.application import Application
from merchants.approval import Told
from merchants.claim import Holder
from merchants.market import Market
from portal import application_form, doorstep, form, page, vendor_account
from portal.access import Door, needs, signed_in
from portal.page import SessionDep, StoreDep
from portal.person import Person

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
Text = Annotated[str, Form()]
Number = Annotated[int, Query(ge=1)]
DECIDED_SHOWN = 20
DECIDED = ("approved", "declined", "withdrawn")


class Wish(NamedTuple):
    """What the form asks for: `approve`, `return` or `decline`; who the applicant is, and the claim as it was seen."""

    step: str
    person: str
    seen: str
    reason: str


@router.api_route("/board/{code}/applications", methods=page.READ)
@needs("board", market="code")
def show_all(request: Request, session: SessionDep, code: str, done: str = "") -> Response:
    """What waits for a decision, what waits for its applicant, what was decided last, and why vendors left."""
    found = market.find(session, code)
    decided = application.of_market(session, found, DECIDED, latest=True, most=DECIDED_SHOWN)
    return page.render(
        request,
        "board_applications.html",
        market=found,
        waiting=application.of_market(session, found, ("submitted",)),
        returned=application.of_market(session, found, ("returned",)),
        decided=decided,
        reasons=leaving.reasons(session, found, clock.today()),
        least=leaving.LEAST,
        done=done if done in application.STEPS["submitted"] else "",
    )


@router.api_route("/board/{code}/application", methods=page.READ)
@needs("board", market="code")
def show(request: Request, session: SessionDep, code: str, number: Number | None = None) -> Response:
    """One application, beside whoever has the stall or asks for it as well."""
    if number is None:
        return RedirectResponse(f"/board/{code}/applications", 303)
    where = market.find(session, code)
    found = application.find(session, number, market=where)
    return page.render(request, "board_application.html", **_shown(request, session, where, found), error=None)


@router.post("/board/{code}/application")
@needs("board", market="code")
def decide(
    request: Request,
    store: StoreDep,
    code: str,
    number: Annotated[int, Form()],
    step: Text = "",
    who: Text = "",
    seen: Text = "",
    reason: Text = "",
) -> Response:
    """Approve it, return it for changes, or decline it."""
    person, wish = signed_in(request), Wish(step, who, seen, reason)
    with store.session() as session:
        where = market.find(session, code)
        approval.hold(session, where)
        found = application.find(session, number, market=where, lock=True)
        try:
            told, after = _carry_out(session, where, found, person, wish)
        except Refusal as refusal:
            session.rollback()
            shown = _shown(request, session, where, found)
            return doorstep.again(request, "board_application.html", refusal, **shown)
        before = {"state": "submitted"}
        audit.record(session, person.who, f"application.{step}", before, after, subject=f"application:{number}")
        session.commit()
    application_form.tell(store.settings, told)
    return RedirectResponse(f"/board/{code}/applications?done={step}", 303)


def _carry_out(
    session: Session, where: Market, found: Application, person: Person, wish: Wish
) -> tuple[list[Told], dict[str, Any]]:
    """Who is to be told, and what the audit says: no name, no phone, no account, nor the reason, which may name one."""
    moment = clock.now()
    if wish.step == "approve":
        done = approval.approve(session, found, where, by=person.who, moment=moment, person=wish.person, seen=wish.seen)
        if done.left_phone is not None:
            vendor_account.let_go(session, done.left_phone, moment)
        after = {"serials": done.serials, "revoked": done.revoked, "declined": done.declined, "since": done.since}
        return done.told, {"state": found.state, "applicant": wish.person or "clear", **after}
    if wish.step not in application.SAYS_WHY:
        raise Refusal("application.unknown_step", text=wish.step[:40])
    told = approval.decline(session, found, where, wish.step, by=person.who, moment=moment, reason=wish.reason)
    return told, {"state": found.state}


def _shown(request: Request, session: Session, where: Market, found: Application) -> dict[str, Any]:
    person, language = signed_in(request), page.language_of(request)
    waits = found.state == "submitted"
    case = claim.look_into(session, found, clock.today()) if waits else None
    merchant_id = case.holder.merchant_id if case and case.holder and case.relation != "other" else None
    return {
        **application_form.facts(session, found),
        "steps": [
            {"step": each.step, "at": each.at, "by": application_form.signer(each.by, language), "reason": each.reason}
            for each in application.steps(session, found)
        ],
        "signed": application_form.signer(found.submitted_by or found.filled_by, language),
        "case": case,
        "since": case.since(found, merchant_id) if case else None,
        "holder": _holder(case.holder) if case and case.holder else None,
        "rivals": [application_form.facts(session, each) for each in case.rivals] if case else [],
        "needs_word": case is not None and case.relation in ("other", "likely"),
        "is_own": person.who in (found.filled_by, found.submitted_by),
        "waits": waits,
        "code": where.code,
    }


def _holder(holder: Holder) -> dict[str, Any]:
    """As the roll has whoever holds the stall."""
    at = f"{bank.short_name(holder.bin)} {account.tail(holder.account)}" if holder.bin and holder.account else None
    return {**holder._asdict(), "at": at}
