"""Payments that one provider told, or the other, or both, and a statement or none: what the books count is plain."""

import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from ground.store import Store
from payments import feed, feed_change, posting, reconciliation, replay
from tests import bank_book
from tests.bank_book import Stated, sales, state
from tests.test_feed import assert_proven, beside, empty, rails_keep
from tests.world import VIETCOMBANK, Street, keep, post, told

SHARED = "1000003"
FIRST = datetime.fromisoformat("2026-10-05")


class Paid(NamedTuple):
    """A real payment, or `times` alike ones in one minute. late: by how many seconds Casso tells another time."""

    stall: str
    at: datetime
    times: int
    by_sepay: bool
    by_casso: bool
    stated: bool
    late: int


PAID = st.builds(
    Paid,
    stall=st.sampled_from(["B1", "B2"]),
    at=st.tuples(st.integers(0, 2), st.sampled_from([5, 480, 900, 1435])).map(
        lambda when: FIRST + timedelta(days=when[0], minutes=when[1])
    ),
    times=st.sampled_from([1, 1, 2]),
    by_sepay=st.booleans(),
    by_casso=st.booleans(),
    stated=st.booleans(),
    late=st.sampled_from([0, 3, -600, 600]),
)


def count(payments: list[Paid], since: datetime | None) -> list[tuple[Any, ...]]:
    """What the books should say: a payment once if its day's feed told it or the statement shows it."""
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for place, paid in enumerate(payments):
        heard = paid.at + timedelta(seconds=paid.late)
        new = [moment for moment in (paid.at, heard) if since and moment >= since]
        if paid.by_sepay and paid.by_casso:
            day = heard if len(new) == 2 else paid.at
        elif paid.by_sepay and not (since and paid.at >= since):
            day = paid.at
        elif paid.by_casso and since and heard >= since:
            day = heard
        elif paid.stated:
            day = paid.at
        else:
            continue
        sums = found[paid.stall, day.date().isoformat()]
        value = paid.times * amount(place)
        for column, more in enumerate((value, paid.times, value if paid.stated else 0)):
            sums[column] += more
    return [(*key, *sums) for key, sums in sorted(found.items())]


def amount(place: int) -> int:
    return 10_000 + 1_000 * place


class Town:
    """The books, and everything that may happen to them."""

    def __init__(self, books: Store, street: Street, payments: list[Paid], since: datetime | None) -> None:
        self.books, self.street = books, street
        self.payments, self.since = payments, since

    def facts(self) -> list[tuple[str, int]]:
        found = [("statement", day) for day in range(3)]
        for place, paid in enumerate(self.payments):
            for nr in range(place * 10, place * 10 + paid.times):
                found += [("sepay", nr)] * paid.by_sepay + [("casso", nr)] * paid.by_casso
        return found + [("change", 0)] * (self.since is not None)

    def happen(self, kind: str, nr: int) -> None:
        if kind == "statement":
            self._state(nr)
        elif kind == "change":
            self._change()
        else:
            paid = self.payments[nr // 10]
            value, memo = amount(nr // 10), self.street.token(paid.stall)
            if kind == "sepay":
                keep(self.books, [told(nr + 1, value, account=SHARED, memo=memo, at=str(paid.at))])
            else:
                at = str(paid.at + timedelta(seconds=paid.late))
                rails_keep(self.books, nr + 1, value, accountNumber=SHARED, description=memo, transactionDateTime=at)

    def _state(self, nr: int) -> None:
        day = (FIRST + timedelta(days=nr)).date()
        lines = [
            Stated(str(paid.at), amount(place), memo=self._line_memo(paid))
            for place, paid in sorted(enumerate(self.payments), key=lambda each: each[1].at)
            if paid.stated and paid.at.date() == day
            for _ in range(paid.times)
        ]
        state(self.books, lines, number=SHARED, first=str(day), last=str(day))

    def _line_memo(self, paid: Paid) -> str:
        """The bank dropped what the payer wrote, unless nobody else told of the payment."""
        return "" if paid.by_sepay or paid.by_casso else self.street.token(paid.stall)

    def _change(self) -> None:
        assert self.since is not None
        with self.books.session() as session:
            reconciliation.hold(session)
            feed.put(session, SHARED, VIETCOMBANK, "casso", self.since.date())
            feed_change.settle(session, [SHARED])
            session.commit()


DRAWN = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@settings(DRAWN, max_examples=5)
@given(
    payments=st.lists(PAID, min_size=2, max_size=6),
    change=st.sampled_from([None, 0, 1, 2]),
    seed=st.integers(0, 2**32),
)
def test_a_payment_counts_once_if_its_feed_told_it_or_the_statement_shows_it(
    books: Store, street: Street, payments: list[Paid], change: int | None, seed: int
) -> None:
    chance = random.Random(seed)
    since = None if change is None else FIRST + timedelta(days=change)
    empty(books)
    keep(books, [told(9999, 1_000, account="1000003", memo=street.token("B1"), at="2026-09-01 08:00:00")])
    post(books)
    town = Town(books, street, payments, since)
    facts = town.facts()
    chance.shuffle(facts)
    for fact in facts:
        town.happen(*fact)
        happens = chance.random()
        if happens < 0.4:
            post(books)
        elif happens < 0.6:
            bank_book.reconcile(books, chance.choice(["2026-10-05", "2026-10-06", "2026-10-31"]))
        elif happens < 0.7:
            replay.replay(books, everything=chance.random() < 0.5)
    post(books)
    with books.session() as session:
        posting.resolve_waiting(session)
    bank_book.reconcile(books)
    event(f"{len(beside(books))} beside")
    assert [row for row in sales(books) if row[1] >= "2026-10"] == count(payments, since)
    assert_proven(books)
