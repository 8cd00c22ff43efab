"""What an operator's monitoring scrapes, in Prometheus' text format 0.0.4: how the whole is doing, nobody's figures."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy.exc import SQLAlchemyError

from ground import clock
from ground.store import Store
from payments import backlog, finding
from payments.backlog import Backlog
from portal import page
from portal.access import Door, opened_by
from portal.page import StoreDep

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Parts = Callable[[], Mapping[str, bool]]
Answers = Mapping[tuple[str, int], int]


class Family(NamedTuple):
    """A metric and its samples by their labels, whose values are words of ours: nothing has to be escaped."""

    name: str
    kind: str
    meaning: str
    samples: Mapping[str, int | float]


def routes(parts: Parts, answers: Answers) -> APIRouter:
    """`parts`: which parts of the house are up. `answers`: how often the providers' door gave which, counted there."""
    router = APIRouter(route_class=Door, include_in_schema=False)

    @router.api_route("/metrics", methods=page.READ)
    @opened_by(lambda settings: settings.metrics_token)
    def metrics(store: StoreDep) -> Response:
        families = (*_standing(store, parts()), _answered(answers))
        return PlainTextResponse("".join(map(_write, families)), 200, {"Cache-Control": "no-store"}, MEDIA_TYPE)

    return router


def _standing(store: Store, parts: Mapping[str, bool]) -> Iterator[Family]:
    found = _count(store) if parts.get("database", True) else None
    for part, up in {**parts, "database": found is not None}.items():
        yield Family(f"market_{part}_up", "gauge", f"Whether the {part} is up (1) or not (0).", {"": int(up)})
    if found is not None:
        yield from _waiting(found, clock.now())


def _count(store: Store) -> Backlog | None:
    """None while the database is away."""
    try:
        with store.session() as session:
            return backlog.count(session)
    except SQLAlchemyError:
        return None


def _waiting(found: Backlog, now: datetime) -> Iterator[Family]:
    age = 0.0 if found.oldest is None else max(0.0, round((now - found.oldest).total_seconds(), 3))
    yield Family("market_notices_waiting", "gauge", "Notices kept and not posted yet.", {"": found.notices})
    meaning = "How long the oldest notice has been waiting to be posted; 0 when none waits."
    yield Family("market_notices_oldest_waiting_seconds", "gauge", meaning, {"": age})
    meaning = "Refunds, disputes and payouts of cards that are kept and not in the books yet."
    yield Family("market_card_events_waiting", "gauge", meaning, {"": found.cards})
    opened = {f'{{kind="{kind}"}}': found.findings.get(kind, 0) for kind in finding.KINDS}
    yield Family("market_findings_open", "gauge", "Findings that wait for a decision.", opened)
    if found.through is not None:
        begun = int(clock.day_start(found.through).timestamp())
        meaning = "When the last reconciled day began in Viet Nam."
        yield Family("market_reconciled_through_timestamp_seconds", "gauge", meaning, {"": begun})


def _answered(answers: Answers) -> Family:
    told = dict(answers)  # in one step, as the door counts on meanwhile
    samples = {f'{{provider="{name}",code="{status}"}}': told[name, status] for name, status in sorted(told)}
    meaning = "Answers of this process to the payment providers, by status code."
    return Family("market_webhook_answers_total", "counter", meaning, samples)


def _write(family: Family) -> str:
    head = f"# HELP {family.name} {family.meaning}\n# TYPE {family.name} {family.kind}\n"
    return head + "".join(f"{family.name}{labels} {value}\n" for labels, value in family.samples.items())
