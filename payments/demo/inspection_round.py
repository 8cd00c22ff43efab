"""The helpers' rounds in the demo: what hung at most of the stalls that were drawn this quarter."""

from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import text
from sqlmodel import Session

from ground import clock, words
from merchants import genuine, inspection, market, vietqr
from merchants.genuine import Verdict
from merchants.market import Market
from payments import period_run, sample
from payments.demo import cash
from payments.sample import Sample

BY = "demo"
SEEN, LOST = 0.7, 0.05  # of the stalls drawn; of those seen, with a placard that is not there
DAYS = 12  # the rounds began so many days ago
FORGED_BIN, FORGED_ACCOUNT = "970422", "MAU666666"  # whose sticker it is, nobody knows

_PAYLOADS = text("""
    SELECT s.number, c.payload, c.token FROM stall s JOIN code c ON c.stall_id = s.id
    WHERE s.market_id = :market AND c.live_from <= :day AND (c.revoked_on IS NULL OR c.revoked_on > :day)
""")


def walk(session: Session, today: date) -> int:
    """Inspect stalls of every made-up market's running sample; at the first a forged code hangs, and another was
    dealt with. Gives how many were looked at. The caller commits."""
    found = [each for each in market.every(session) if each.made_up]
    return sum(_walk_round(session, each, today) for each in found)


def _walk_round(session: Session, found: Market, today: date) -> int:
    quarter = period_run.at(today, "quarter").text
    drawn = sample.draw(session, found, quarter, cash.DRAWN, f"{found.code}/{quarter}", by=BY)  # drawn for counting too
    random = Random(f"{found.code}/{today}/rounds")
    begin = clock.day_start(max(today - timedelta(days=DAYS), drawn.first)) + timedelta(hours=8)
    seen = [number for number in drawn.drawn if random.random() < SEEN]
    codes = {row.number: row for row in session.execute(_PAYLOADS, {"market": found.key, "day": begin.date()})}
    forged = [number for number in seen if number in codes][:2]
    for nth, number in enumerate(seen):
        code = codes.get(number)
        moment = min(begin + timedelta(days=nth % DAYS, minutes=7 * nth), clock.now())
        verdict = Verdict("unreadable", "genuine.no_code", {})
        if number in forged:
            forgery = vietqr.write(bin=FORGED_BIN, account=FORGED_ACCOUNT, token=codes[number].token)
            verdict = genuine.check(session, forgery, moment.date())
        elif code is not None and random.random() >= LOST:
            verdict = genuine.check(session, code.payload, moment.date())
        _look(session, found, drawn, number, verdict, moment, settled=forged[1:] == [number])
    return len(seen)


def _look(
    session: Session, found: Market, drawn: Sample, number: str, verdict: Verdict, moment: datetime, *, settled: bool
) -> None:
    place = inspection.locate(session, found, verdict, number)
    made = inspection.record(session, found, place, photo=None, by=BY, moment=moment)
    if settled and made.verdict in inspection.ALARMING:
        done = words.say("demo.taken_down")
        inspection.settle(session, found, made.key, done, by=BY, moment=min(moment + timedelta(days=1), clock.now()))
