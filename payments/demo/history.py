"""Three months of made-up payments, told by SePay, kept and posted by the functions that live ones go through."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import psycopg
from sqlmodel import Session

from ground import clock
from ground.store import Store
from payments import notice, posting
from payments.demo import feed, habit, oddity
from payments.demo.feed import Payment
from payments.demo.habit import Habit
from payments.demo.till import Till
from payments.providers import sepay

BATCH = 2_000
FIRST_ID = 20_000_000
LATE, TWICE, OTHERWISE = 0.004, 0.0008, 0.00003  # shares of all payments


class Telling(NamedTuple):
    """One request of the provider. `payment`: what truly happened, whatever the body says."""

    payment: Payment
    received_at: datetime
    body: bytes


class Visits(NamedTuple):
    """How many pay at each till on one day."""

    day: date
    counts: list[tuple[Till, Habit, int]]


def plan(tills: Sequence[Till], days: Sequence[date], total: int) -> list[Visits]:
    """About `total` payments over the days; the same last day gives the same ones."""
    seed = days[-1].isoformat()
    random = Random(f"{seed}/visits")
    known = [(till, habit.habit_of(till, seed)) for till in tills]
    means = []
    for day in days:
        weather = random.lognormvariate(0, 0.08)
        means.append([(till, each, habit.expected(each, till, day) * weather) for till, each in known])
    factor = total / (sum(mean for day in means for _, _, mean in day) or 1)
    return [
        Visits(day, [(till, each, habit.draw_count(random, mean * factor)) for till, each, mean in expected])
        for day, expected in zip(days, means, strict=True)
    ]


def size(planned: Sequence[Visits]) -> int:
    return sum(count for visits in planned for _, _, count in visits.counts)


def tell(planned: Sequence[Visits], tills: Sequence[Till]) -> Iterator[Telling]:
    """Every payment of the plan as a provider would tell it, day by day in the order of time."""
    id = FIRST_ID
    for visits in planned:
        random = Random(f"{visits.day}/{planned[-1].day}")
        midnight = clock.day_start(visits.day)
        paid = []
        for nth, (_, each, count) in enumerate(visits.counts):
            for hour in random.choices(range(24), cum_weights=each.hours, k=count):
                second = hour * 3600 + int(random.random() * 3600)
                paid.append((second, habit.draw_amount(random, each), nth))
        for second, amount, nth in sorted(paid):
            id += 1
            payment = Payment(id, midnight + timedelta(seconds=second), amount, visits.counts[nth][0])
            yield from _tell(random, payment, tills)


def keep_and_post(store: Store, told: Iterable[Telling], step: Callable[[int], None]) -> None:
    """In bulk; `step` hears how many more are in the books. The next batch is sealed while one is being posted."""
    with (
        psycopg.connect(store.url, options="-c timezone=UTC") as writing,
        store.session() as session,
        ThreadPoolExecutor(1) as clerk,
    ):
        posted: Future[int] | None = None
        for batch in _batches(told):
            rows = [
                notice.seal(each, store.vault, one.received_at) for one in batch for each in sepay.translate(one.body)
            ]
            if posted is not None:
                step(posted.result())
            posted = clerk.submit(_enter, writing, session, rows)
        if posted is not None:
            step(posted.result())


def _enter(writing: psycopg.Connection[Any], session: Session, rows: list[dict[str, Any]]) -> int:
    new = notice.keep(writing, rows)
    writing.commit()
    posting.post_all(session)
    return new


def _batches(told: Iterable[Telling]) -> Iterator[list[Telling]]:
    stream = iter(told)
    while batch := list(islice(stream, BATCH)):
        yield batch


def _tell(random: Random, payment: Payment, tills: Sequence[Till]) -> Iterator[Telling]:
    """Nearly always once, rightly and within seconds."""
    delay = timedelta(seconds=2 + int(random.random() * 18))
    if random.random() < LATE:
        delay = timedelta(minutes=random.randint(30, 4000))
    arrived = min(payment.moment + delay, clock.now())
    body = oddity.body(random, payment, tills)
    if body is None:
        body = feed.tell(payment, feed.memo(random, payment.till.token))
    yield Telling(payment, arrived, body)
    chance = random.random()
    if chance < TWICE:
        yield Telling(payment, arrived, body)
    elif chance < TWICE + OTHERWISE:
        more = payment._replace(amount=payment.amount + 1_000)
        yield Telling(payment, arrived, feed.tell(more, payment.till.token))
