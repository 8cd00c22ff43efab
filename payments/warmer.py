"""The warmer: counts beforehand what the wards' and provinces' pages will ask for, so that nobody waits for the first.

What is counted stays in memory until it changes (`counted`, `takings`). A process that has just begun knows nothing.
"""

import threading
from collections.abc import Iterator
from datetime import datetime
from time import monotonic

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from ground import clock
from ground.logs import log
from ground.refusal import Refusal
from ground.store import Store
from payments import area, indicator, period_run, series

PAUSE_SECONDS = 2.0
"""Whoever waited for the server to be ready is served first."""
MONTHS = 16
"""The thirteen that those pages show, also as seen from the end of last quarter."""
_LOG = log("warmer")


def areas(session: Session, moment: datetime) -> list[str]:
    """The wards and provinces in which markets stand today."""
    today = clock.business_date(moment)
    drawn = area.draw(session, today, today, "period", today)
    found = area.every(drawn, period_run.at(today, "day"))
    return [each.key for each in found if not each.key.startswith("market:")]


def warm(store: Store) -> Iterator[str]:
    """Count area by area, each in a transaction of its own; names the one that is done."""
    moment = clock.now()
    today = clock.business_date(moment)
    with store.session() as session:
        keys = areas(session, moment)
    quarters = period_run.back(period_run.at(today, "quarter"), 2)
    for key in keys:
        with store.session() as session:
            for asked in quarters:
                indicator.rates(session, key, asked.text, audience="ward", as_of=moment)
            months = period_run.months_until(today, MONTHS)
            series.read(session, key, months, boundaries="period", audience="ward", as_of=moment)
        yield key


class Warmer:
    """A thread of the server that warms once, and no more than half of the time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._warm, name="warmer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """It ends with the area it is at."""
        self._stopping.set()

    def _warm(self) -> None:
        spent = PAUSE_SECONDS
        try:
            done = warm(self._store)
            while not self._stopping.wait(spent):
                begin = monotonic()
                if next(done, None) is None:
                    return
                spent = monotonic() - begin
        except (Refusal, SQLAlchemyError) as error:
            _LOG.warning("not warmed", reason=type(error).__name__)
