"""Tallies: counted once however often a phone sends; the day's observation is what was last said of it, and since."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from ground.refusal import Refusal
from ground.store import Store
from payments import indicator, intake, observation, tally
from tests.world import Street, import_roll

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)


def sent(number: int | UUID = 1, stall: str = "A1", day: date = TODAY, cashless: int = 2, cash: int = 3) -> tally.Sent:
    sent_id = UUID(int=number) if isinstance(number, int) else number
    return tally.Sent(sent_id=sent_id, stall=stall, day=day, cashless=cashless, cash=cash)


def take(session: Session, street: Street, told: tally.Sent) -> bool:
    return tally.take(session, street.market, told, by="staff:Minh", moment=NOW)


def observed(session: Session) -> dict[tuple[str, date], tuple[int | None, int | None]]:
    """What the estimator reads: the last record of each stall and day."""
    rows = session.execute(
        text("""SELECT DISTINCT ON (o.stall_id, business_date) s.number, business_date, cashless, total
            FROM observation o JOIN stall s ON s.id = o.stall_id ORDER BY o.stall_id, business_date, o.id DESC""")
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def say_of_day(session: Session, street: Street, stall: str, cashless: int, total: int) -> None:
    """A record of the whole day, as `observations import` makes it."""
    id = session.execute(text("SELECT id FROM stall WHERE number = :stall"), {"stall": stall}).scalar_one()
    entries = {(id, TODAY): (cashless, total)}
    intake.record(session, street.market.key, observation.KIND, entries, by="staff:Hoa", moment=NOW)


def mend(session: Session, street: Street, corrects: int, cashless: int, cash: int, **more: object) -> bool:
    told = tally.Correction(
        sent_id=more.get("sent_id", uuid4()), corrects=UUID(int=corrects), cashless=cashless, cash=cash
    )
    asked = {"by": "staff:Minh", "moment": NOW, **{name: more[name] for name in ("by", "moment") if name in more}}
    return tally.correct(session, street.market, told, **asked) is not None  # type: ignore[arg-type]


def test_a_tally_becomes_the_days_observation(session: Session, street: Street) -> None:
    assert take(session, street, sent(cashless=4, cash=6))
    assert observed(session) == {("A1", TODAY): (4, 10)}


def test_tallies_of_a_day_add_up_and_the_same_one_counts_once(session: Session, street: Street) -> None:
    assert [take(session, street, sent(n)) for n in (1, 2, 1, 2, 1)] == [True, True, False, False, False]
    assert take(session, street, sent(3, stall="a2", cashless=0, cash=1))
    assert take(session, street, sent(4, day=TODAY - timedelta(days=1)))
    assert observed(session) == {
        ("A1", TODAY): (4, 10),
        ("A2", TODAY): (0, 1),
        ("A1", TODAY - timedelta(days=1)): (2, 5),
    }


def test_a_correction_of_the_day_holds_and_what_is_counted_later_adds_to_it(session: Session, street: Street) -> None:
    take(session, street, sent(1, cashless=40, cash=60))
    say_of_day(session, street, "A1", 4, 10)
    assert take(session, street, sent(2, cashless=2, cash=3)), "a phone had kept it"
    assert observed(session) == {("A1", TODAY): (6, 15)}
    with pytest.raises(Refusal) as caught:
        mend(session, street, 1, 1, 1)
    assert (caught.value.code, caught.value.status) == ("tally.day_corrected", 409)
    assert mend(session, street, 2, 0, 0)
    assert observed(session) == {("A1", TODAY): (4, 10)}


def test_a_helper_mends_her_own_tally_of_today_by_a_new_record(session: Session, street: Street) -> None:
    take(session, street, sent(1))
    take(session, street, sent(2, cashless=1, cash=1))
    again = uuid4()
    assert mend(session, street, 1, 4, 6, sent_id=again)
    assert observed(session) == {("A1", TODAY): (5, 12)}
    assert not mend(session, street, 1, 4, 6, sent_id=again), "the same form again"
    for wrong, said in (
        ({"corrects": 1}, "tally.mended_already"),
        ({"corrects": 9}, "tally.not_hers"),
        ({"corrects": 2, "by": "staff:Hoa"}, "tally.not_hers"),
        ({"corrects": 2, "moment": NOW + timedelta(days=1)}, "tally.not_hers"),
    ):
        with pytest.raises(Refusal) as caught:
            mend(session, street, **{"cashless": 0, "cash": 0, **wrong})
        assert caught.value.code == said and caught.value.message()
    assert not mend(session, street, 2, 1, 1), "as it was"
    shown = tally.sent_today(session, street.market, by="staff:Minh", moment=NOW)
    assert [(each.stall, each.cashless, each.cash) for each in shown] == [("A1", 4, 6), ("A1", 1, 1)]
    kept = session.execute(text("SELECT cashless, cash FROM tally ORDER BY id")).all()
    assert kept == [(2, 3), (1, 1), (4, 6)], "nothing is overwritten"


def test_where_all_is_taken_back_nobody_was_observed(session: Session, street: Street) -> None:
    take(session, street, sent(1))
    assert mend(session, street, 1, 0, 0)
    assert observed(session) == {("A1", TODAY): (None, None)}
    [stall_id] = session.execute(text("SELECT id FROM stall WHERE number = 'A1'")).scalars()
    assert observation.observed(session, street.market, [stall_id], TODAY, TODAY) == set()
    told = indicator.rates(session, "market:cho-a", f"{TODAY}", audience="internal", as_of=NOW)
    (figure,) = [each for each in told.whole.figures if each.indicator == "count_share"]
    assert (figure.sources, figure.n) == ((), 0)


DEEDS = st.lists(
    st.tuples(st.sampled_from(("take", "say", "mend")), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3)),
    max_size=10,
)


@given(DEEDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_said_and_mended_the_day_is_what_was_last_said_and_counted_since(
    session: Session, street: Street, deeds: list[tuple[str, int, int, int]]
) -> None:
    said: tuple[int, int] | None = None
    since: dict[int, tuple[int, int]] = {}  # by the tally's number, what it says now
    ids: dict[int, UUID] = {}
    with session.begin_nested() as savepoint:
        for deed, number, cashless, cash in deeds:
            if deed == "take":
                if take(session, street, sent(number, cashless=cashless, cash=cash)):
                    since[number], ids[number] = (cashless, cash), UUID(int=number)
            elif deed == "say":
                now = observed(session).get(("A1", TODAY))
                say_of_day(session, street, "A1", cashless, cashless + cash)
                if now != (cashless, cashless + cash):  # the same again is no record
                    said, since = (cashless, cash), {}
            elif number in since:
                told = tally.Correction(sent_id=uuid4(), corrects=ids[number], cashless=cashless, cash=cash - 1)
                if tally.correct(session, street.market, told, by="staff:Minh", moment=NOW):
                    since[number], ids[number] = (cashless, cash - 1), told.sent_id
        parts = ([said] if said else []) + [each for each in since.values() if sum(each)]
        sums = [sum(each) for each in zip(*parts, strict=True)]
        shown = observed(session).get(("A1", TODAY), (None, None))
        assert shown == ((sums[0], sum(sums)) if parts else (None, None))
        savepoint.rollback()


TALLIES = st.lists(
    st.builds(
        sent,
        st.integers(1, 6),
        st.sampled_from(("A1", "A2", "B1")),
        st.sampled_from((TODAY, TODAY - timedelta(days=3))),
        st.integers(0, 5),
        st.integers(1, 5),
    ),
    max_size=12,
)


@given(TALLIES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_any_order_and_however_often_the_sums_are_those_of_the_first_of_each(
    session: Session, street: Street, told: list[tally.Sent]
) -> None:
    first: dict[UUID, tally.Sent] = {}
    wanted: Counter[tuple[str, date]] = Counter()
    cashless: Counter[tuple[str, date]] = Counter()
    with session.begin_nested() as savepoint:
        for each in told:
            assert take(session, street, each) is (each.sent_id not in first)
            first.setdefault(each.sent_id, each)
        for each in first.values():
            wanted[each.stall, each.day] += each.cashless + each.cash
            cashless[each.stall, each.day] += each.cashless
        assert observed(session) == {key: (cashless[key], total) for key, total in wanted.items()}
        savepoint.rollback()


def test_two_phones_at_one_stall_at_once_lose_nothing(books: Store, session: Session, street: Street) -> None:
    def send(number: int) -> bool:
        with books.session() as own:
            taken = take(own, street, sent(number % 8 + 1, cashless=1, cash=0))
            own.commit()
            return taken

    with ThreadPoolExecutor(4) as phones:
        assert sum(phones.map(send, range(16))) == 8
    assert observed(session) == {("A1", TODAY): (8, 8)}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cashless": 0, "cash": 0}, "tally.nothing"),
        ({"day": TODAY + timedelta(days=1)}, "tally.bad_day"),
        ({"day": TODAY - timedelta(days=15)}, "tally.bad_day"),
        ({"stall": "E1"}, "tally.no_stall"),
        ({"stall": "Z9"}, "tally.no_stall"),
    ],
)
def test_what_can_not_be_counted_is_refused(
    session: Session, street: Street, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(Refusal) as caught:
        take(session, street, sent(**wrong))  # type: ignore[arg-type]
    assert caught.value.code == said and caught.value.message()
    assert observed(session) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [("sent_id", "1"), ("stall", " "), ("day", "22/11/2026"), ("cashless", "-1"), ("cash", "10001"), ("cash", "1.5")],
)
def test_what_can_not_be_read_is_refused_and_named(field: str, value: str) -> None:
    good = {"sent_id": str(uuid4()), "stall": "A1", "day": "2026-11-22", "cashless": "1", "cash": "0"}
    assert tally.read(tally.Sent, **good).cashless == 1
    with pytest.raises(Refusal, match=field):
        tally.read(tally.Sent, **{**good, field: value})


def test_a_stall_that_has_closed_since_may_still_be_told_of(session: Session, street: Street) -> None:
    import_roll(session, street.market, "A1;;;;;đóng;22/11/2026;;;;")
    assert take(session, street, sent(day=TODAY - timedelta(days=1)))
    with pytest.raises(Refusal):
        take(session, street, sent(2))
