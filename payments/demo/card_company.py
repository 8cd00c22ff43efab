"""A made-up card company that speaks as Stripe does: checkouts, charges, refunds, disputes, payouts and their events.

For trying card payments without an account, and for the tests. It settles in US cents, as an account abroad would.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from ground import clock

VND_PER_USD = 26_000
LEAST_CENTS = 50
FEE_PER_MILLE, FEE_FIXED_CENTS = 44, 30
DISPUTE_FEE_CENTS = 1500

Thing = dict[str, Any]


class Wrong(Exception):
    """A request that the company refuses, with the code it says so by."""

    def __init__(self, message: str, code: str = "parameter_invalid", status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class CardCompany:
    """All it knows, in memory. `tell` hears every event; `now` gives seconds since 1970."""

    def __init__(self, address: str, tell: Callable[[Thing], None], now: Callable[[], int] | None = None) -> None:
        self.address = address
        self.now = now or (lambda: int(clock.now().timestamp()))
        self.sessions: dict[str, Thing] = {}
        self.intents: dict[str, Thing] = {}
        self.charges: dict[str, Thing] = {}
        self.refunds: dict[str, Thing] = {}
        self.disputes: dict[str, Thing] = {}
        self.payouts: dict[str, Thing] = {}
        self.lines: dict[str, Thing] = {}
        """Balance transactions, the oldest first."""
        self.lock = threading.RLock()
        self._tell = tell
        self._numbers = count(1)

    def open_session(self, asked: Thing) -> Thing:
        """A checkout, as asked for through the API."""
        line = asked["line_items"]["0"]
        price = line["price_data"]
        amount = int(price["unit_amount"]) * int(line["quantity"])
        if price["currency"] != "vnd":
            raise Wrong("This company takes đồng.", "currency_not_supported")
        if _cents(amount) < LEAST_CENTS:
            raise Wrong("Amount must convert to at least 50 cents.", "amount_too_small")
        id = self._id("cs_test")
        session = self._thing("checkout.session", id) | {
            "amount_total": amount,
            "currency": "vnd",
            "mode": asked["mode"],
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "metadata": asked.get("metadata", {}),
            "client_reference_id": asked.get("client_reference_id"),
            "success_url": asked["success_url"].replace("{CHECKOUT_SESSION_ID}", id),
            "cancel_url": asked["cancel_url"],
            "name": price["product_data"]["name"],
            "url": f"{self.address}/pay/{id}",
        }
        self.sessions[id] = session
        return session

    def pay(self, id: str, *, delayed: bool = False) -> Thing:
        """The payer gives a card. `delayed`: whether it is good will be known later (`decide`)."""
        session = self.sessions[id]
        if session["status"] != "open":
            raise Wrong("This checkout is over.", "resource_already_completed")
        session |= {"status": "complete", "customer_details": {"name": "Made-up Payer", "email": "payer@example.com"}}
        intent = self._thing("payment_intent", self._id("pi")) | {
            "amount": session["amount_total"],
            "currency": "vnd",
            "metadata": session["metadata"],
            "latest_charge": None,
        }
        self.intents[intent["id"]] = intent
        session["payment_intent"] = intent["id"]
        if not delayed:
            self._charge(session)
        self._event("checkout.session.completed", session)
        return session

    def decide(self, id: str, *, good: bool) -> None:
        """A delayed payment succeeds or fails."""
        session = self.sessions[id]
        if good:
            self._charge(session)
        name = "succeeded" if good else "failed"
        self._event(f"checkout.session.async_payment_{name}", session)

    def _charge(self, session: Thing) -> None:
        session["payment_status"] = "paid"
        amount, intent = session["amount_total"], session["payment_intent"]
        charge = self._thing("charge", self._id("ch")) | {
            "amount": amount,
            "amount_refunded": 0,
            "refunded": False,
            "disputed": False,
            "currency": "vnd",
            "metadata": session["metadata"],
            "payment_intent": intent,
        }
        self.charges[charge["id"]] = charge
        self.intents[intent]["latest_charge"] = charge["id"]
        cents = _cents(amount)
        fee = cents * FEE_PER_MILLE // 1000 + FEE_FIXED_CENTS
        charge["balance_transaction"] = self._line("charge", charge["id"], cents, fee)["id"]
        self._event("charge.succeeded", charge)

    def refund(self, charge_id: str, amount: int) -> Thing:
        charge = self.charges[charge_id]
        if not 0 < amount <= charge["amount"] - charge["amount_refunded"]:
            raise Wrong("More than is left of this charge.", "charge_already_refunded")
        refund = self._thing("refund", self._id("re")) | {
            "amount": amount,
            "currency": "vnd",
            "charge": charge_id,
            "payment_intent": charge["payment_intent"],
            "status": "succeeded",
        }
        self.refunds[refund["id"]] = refund
        self._give_back(charge, amount)
        refund["balance_transaction"] = self._line("refund", refund["id"], -_cents(amount), 0)["id"]
        self._event("charge.refunded", charge)
        return refund

    def fail_refund(self, refund_id: str) -> None:
        """The payer's bank sent it back."""
        refund = self.refunds[refund_id]
        refund["status"] = "failed"
        self._give_back(self.charges[refund["charge"]], -refund["amount"])
        self._line("refund_failure", refund_id, _cents(refund["amount"]), 0)
        self._event("charge.refund.updated", refund)
        self._event("refund.failed", refund)

    def _give_back(self, charge: Thing, amount: int) -> None:
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]

    def dispute(self, charge_id: str) -> Thing:
        charge = self.charges[charge_id]
        if charge["disputed"]:
            raise Wrong("This charge is disputed already.", "charge_disputed")
        charge["disputed"] = True
        dispute = self._thing("dispute", self._id("du")) | {
            "amount": charge["amount"] - charge["amount_refunded"],
            "currency": "vnd",
            "charge": charge_id,
            "payment_intent": charge["payment_intent"],
            "status": "needs_response",
        }
        self.disputes[dispute["id"]] = dispute
        self._line("adjustment", dispute["id"], -_cents(dispute["amount"]), DISPUTE_FEE_CENTS)
        self._event("charge.dispute.created", dispute)
        self._event("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def close_dispute(self, id: str, *, won: bool) -> None:
        dispute = self.disputes[id]
        if dispute["status"] != "needs_response":
            raise Wrong("This dispute is over.", "dispute_closed")
        dispute["status"] = "won" if won else "lost"
        if won:
            self._line("adjustment", id, _cents(dispute["amount"]), -DISPUTE_FEE_CENTS)
            self._event("charge.dispute.funds_reinstated", dispute)
        self._event("charge.dispute.closed", dispute)

    def pay_out(self) -> Thing | None:
        """All that was earned since the last time; None where nothing was."""
        due = [line for line in self.lines.values() if line["payout"] is None and line["type"] != "payout"]
        amount = sum(line["net"] for line in due)
        if amount <= 0:
            return None
        arrives = self.now() + int(timedelta(days=2).total_seconds())
        payout = self._thing("payout", self._id("po")) | {
            "amount": amount,
            "currency": "usd",
            "status": "paid",
            "arrival_date": arrives - arrives % 86_400,
        }
        self.payouts[payout["id"]] = payout
        due.append(self._line("payout", payout["id"], -amount, 0))
        for line in due:
            line["payout"] = payout["id"]
        self._event("payout.paid", payout)
        return payout

    def fail_payout(self, id: str) -> None:
        """Our bank sent it back."""
        self.payouts[id]["status"] = "failed"
        self._line("payout_failure", id, self.payouts[id]["amount"], 0)
        self._event("payout.failed", self.payouts[id])

    def _line(self, kind: str, source: str, amount: int, fee: int) -> Thing:
        line = self._thing("balance_transaction", self._id("txn")) | {
            "type": kind,
            "source": source,
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": "usd",
            "available_on": self.now() + 2 * 86_400,
            "payout": None,
        }
        self.lines[line["id"]] = line
        return line

    def source_of(self, line: Thing) -> Thing | None:
        """The thing that a balance transaction is about."""
        shelves = (self.charges, self.refunds, self.disputes, self.payouts)
        return next((shelf[line["source"]] for shelf in shelves if line["source"] in shelf), None)

    def _event(self, type: str, about: Thing) -> None:
        event = self._thing("event", self._id("evt")) | {"type": type, "livemode": False, "data": {"object": {**about}}}
        self._tell(event)

    def _thing(self, object: str, id: str) -> Thing:
        return {"id": id, "object": object, "created": self.now()}

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):06d}x{self.now()}"


def _cents(amount: int) -> int:
    """What so many đồng are in its own currency, rounded down."""
    return amount * 100 // VND_PER_USD
