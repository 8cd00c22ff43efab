"""The settler: asks the card company what it kept of each sale and what each payout is made of.

No webhook tells that. Every answer is kept in a commit of its own and asked for only while it is missing, so that it
may stop anywhere and goes on from there. No request is made inside a transaction.
"""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

import stripe
from sqlalchemy.exc import SQLAlchemyError

from ground.logs import log
from ground.store import Store
from payments import checkout, payout, reference
from payments.payout import Share

PAUSE_SECONDS = 60.0
PAGE = 100
_LOG = log("settler")


class Fetched(NamedTuple):
    sales: int
    payouts: int
    settlements: int


def fetch(store: Store) -> Fetched:
    """What is missing, as far as the card company knows it by now. stripe.StripeError when it is away."""
    client = checkout.client(store.settings)
    sales = sum(_fetch_sale(store, client, intent) for intent in _missing_sales(store))
    with store.session() as session:
        waiting = payout.unfetched(session)
    settled = [_fetch_payout(store, client, id, cursor) for id, cursor in waiting]
    return Fetched(sales, len(settled), sum(settled))


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
            try:
                fetch(self._store)
            except (stripe.StripeError, SQLAlchemyError) as error:
                _LOG.warning("nothing fetched", reason=type(error).__name__)
