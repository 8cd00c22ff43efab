"""The demo's newcomers: one asks for an empty stall, one for a stall that somebody has, and one must mend something."""

from datetime import date, timedelta
from random import Random

from sqlalchemy import text
from sqlmodel import Session

from ground import clock, words
from merchants import agreement, application, bank, market
from merchants.applicant import Filled
from merchants.market import Market
from payments.demo import owner

BY, BOARD = "staff:Tổ công nghệ số (mẫu)", "staff:Ban quản lý (mẫu)"
ROOM = 9  # no board of the demo has this number: the newcomers' accounts are nobody's
RETURNED = 2  # which of the three has to mend something

_STALLS = text("""
    SELECT min(s.number) FILTER (WHERE state.merchant_id IS NULL) AS empty,
        min(s.number) FILTER (WHERE state.account_id IS NOT NULL) AS taken,
        max(s.number) FILTER (WHERE state.merchant_id IS NULL) AS other
    FROM stall s JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.since <= :day AND (state.until IS NULL OR :day < state.until)
    WHERE s.market_id = :market
""")


def knock(session: Session, today: date) -> None:
    """At the first made-up market, in the last days, by a helper's slip. The caller commits."""
    found = next((each for each in market.every(session) if each.made_up), None)
    if found is None:
        return
    stalls = session.execute(_STALLS, {"market": found.key, "day": today}).one()
    random = Random(f"{found.code}/{today}/newcomers")
    for nth, number in enumerate(stalls):
        if number is not None:
            _apply(session, found, number, random, today - timedelta(days=nth + 1), nth, is_returned=nth == RETURNED)


def _apply(
    session: Session, found: Market, number: str, random: Random, day: date, nth: int, *, is_returned: bool
) -> None:
    moment = clock.day_start(day) + timedelta(hours=9)
    asked = application.begin(session, found, _filled(number, random, nth), by=BY, moment=moment)
    agreed = agreement.take_down("slip", "vi")
    application.submit(session, asked, agreed, by=BY, moment=moment + timedelta(minutes=3))
    if is_returned:
        why, later = words.say("demo.application_returned"), moment + timedelta(hours=5)
        application.take(session, asked, "return", by=BOARD, moment=later, reason=why)


def _filled(number: str, random: Random, nth: int) -> Filled:
    made = owner.make_up(random, ROOM, nth, virtual_share=0)
    key, account = made.accounts[0]
    at = bank.find(key)
    assert at is not None, f"no bank {key}"
    return Filled(number, made.name, made.phone, at.bin, account, made.account_name)
