"""The settler: asks the card company what it kept of each sale and what each payout is made of.

No webhook tells that. Every answer is kept in a commit of its own and asked for only while it is missing, so that it
may stop anywhere and goes on from there. No request is made inside a transaction. What the company refuses to tell
of one sale or payout, made with a test key for instance, keeps none of the others waiting.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

import stripe
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from ground.logs import log
from ground.store import Store
from payments import checkout, payout, reference
from payments.payout import Share

PAUSE_SECONDS = 60.0
ASIDE_SECONDS = 3600.0  # after which what was set aside is asked for once more
PAGE = 100
_LOG = log("settler")
_AWAY = (
    stripe.APIConnectionError,
    stripe.APIError,
    stripe.AuthenticationError,
    stripe.PermissionError,
    stripe.RateLimitError,
    OperationalError,
)
"""Whoever else is asked for, the answer would be the same: the round ends."""


class Fetched(NamedTuple):
    """How many of each were fetched; `set_aside`: how many sales and payouts nothing can be learnt of."""

    sales: int
    payouts: int
    settlements: int
    set_aside: int


def fetch(store: Store, aside: set[str] | None = None) -> Fetched:
    """What is missing, as far as the card company knows it by now. stripe.StripeError when it is away.

    aside: the sales and payouts that it refused to tell of, which are not asked for; new ones are added.
    """
    client = checkout.client(store.settings)
    aside = set() if aside is None else aside
    sales = sum(_each(_missing_sales(store), lambda intent: _fetch_sale(store, client, intent), aside))
    with store.session() as session:
        cursors = dict(payout.unfetched(session))
    settled = list(_each(cursors, lambda id: _fetch_payout(store, client, id, cursors[id]), aside))
    return Fetched(sales, len(settled), sum(settled), len(aside))


def _each(ids: Iterable[str], fetch_one: Callable[[str], int], aside: set[str]) -> Iterator[int]:
    """What `fetch_one` makes of each; where that can't be done it is set aside and told to the log."""
    for id in ids:
        if id in aside:
            continue
        try:
            yield fetch_one(id)
        except _AWAY:
            raise
        except Exception as error:
            aside.add(id)
            code = error.code if isinstance(error, stripe.StripeError) else None
            _LOG.warning("set aside", id=id, reason=type(error).__name__, code=code)


def _missing_sales(store: Store) -> list[str]:
    with store.session() as session:
        return payout.unsettled(session)


def _fetch_sale(store: Store, client: stripe.StripeClient, intent: str) -> bool:
    """The fee of one sale; False while the card company has not worked it out."""
    told = client.v1.payment_intents.retrieve(intent, {"expand": ["latest_charge.balance_transaction"]})
    charge = told.latest_charge
    if not isinstance(charge, stripe.Charge) or not isinstance(charge.balance_transaction, stripe.BalanceTransaction):
        return False
    with store.session() as session:
        payout.keep(session, [_share(charge.balance_transaction, intent)])
        session.commit()
    return True


def _fetch_payout(store: Store, client: stripe.StripeClient, id: str, cursor: str | None) -> int:
    """All that a payout is made of, a page a commit, from where an earlier try ended."""
    found = 0
    for page in _pages(client, id, cursor):
        with store.session() as session:
            payout.keep(session, [_share(each, _intent_of(each.source)) for each in page], id)
            payout.advance(session, id, page[-1].id)
            session.commit()
        found += len(page)
    with store.session() as session:
        payout.complete(session, id, reference.names(store.vault, id))
        session.commit()
    return found


def _pages(client: stripe.StripeClient, id: str, cursor: str | None) -> Iterator[list[stripe.BalanceTransaction]]:
    asked: Any = {"payout": id, "limit": PAGE, "expand": ["data.source"]}
    if cursor is not None:
        asked["starting_after"] = cursor
    lines = client.v1.balance_transactions.list(asked).auto_paging_iter()
    while page := list(islice(lines, PAGE)):
        yield page


def _share(line: stripe.BalanceTransaction, intent: str | None) -> Share:
    source = line.source
    return Share(
        line.id,
        line.type,
        source if source is None or isinstance(source, str) else source.id,
        intent,
        line.amount,
        line.fee,
        line.net,
        line.currency,
        datetime.fromtimestamp(line.available_on, UTC).date(),
        datetime.fromtimestamp(line.created, UTC),
    )


def _intent_of(source: Any) -> str | None:
    """The payment that a charge, a refund or a dispute is about."""
    intent = getattr(source, "payment_intent", None)
    return intent if intent is None or isinstance(intent, str) else str(intent.id)


class Settler:
    """A thread of the server that fetches once a minute, where card payments are on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._aside: set[str] = set()
        self._aside_since = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._fetch_on, name="settler", daemon=True)

    def start(self) -> None:
        if checkout.is_open(self._store.settings):
            self._thread.start()

    def stop(self) -> None:
        """It may be in the middle of a request; nothing is lost when it ends there."""
        self._stopping.set()

    def _fetch_on(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            if time.monotonic() - self._aside_since > ASIDE_SECONDS:
                self._aside, self._aside_since = set(), time.monotonic()
            try:
                fetch(self._store, self._aside)
            except (stripe.StripeError, SQLAlchemyError) as error:
                _LOG.warning("nothing fetched", reason=type(error).__name__)
