"""The few payments a board has to look into, and those that are no sale at all."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random

from payments.demo import feed
from payments.demo.feed import Payment
from payments.demo.till import Till

NOBODYS = ("MAU900000001", "MAU900000002", "MAU900000003")  # the boards' own accounts, on no roll


def to_nobody(random: Random, payment: Payment, _: Sequence[Till]) -> bytes:
    """To an account that the provider watches and no stall has."""
    return feed.tell(payment, feed.memo(random, payment.till.token), account=random.choice(NOBODYS))


def with_foreign_token(random: Random, payment: Payment, tills: Sequence[Till]) -> bytes:
    """A payer's app offered the memo of last time, at another stall."""
    other = random.choice(tills)
    return feed.tell(payment, feed.memo(random, other.token))


def for_two_stalls(random: Random, payment: Payment, _: Sequence[Till]) -> bytes:
    """A family's customer pays for both of their stalls at once."""
    relatives = payment.till.relatives
    return feed.tell(payment, f"{payment.till.token} va {random.choice(relatives)}" if relatives else "")


def outgoing(random: Random, payment: Payment, _: Sequence[Till]) -> bytes:
    """The vendor pays somebody: kept, no sale."""
    return feed.tell(payment, "tra tien hang", outgoing=True)


def unbelievable(random: Random, payment: Payment, _: Sequence[Till]) -> bytes:
    """A provider's slip: an amount with six zeros too many, or a date from before there was a market."""
    if random.random() < 0.5:
        return feed.tell(payment._replace(amount=payment.amount * 10**9), payment.till.token)
    return feed.tell(payment._replace(moment=payment.moment - timedelta(days=3650)), payment.till.token)


# As shares of all payments.
ODDITIES: dict[Callable[[Random, Payment, Sequence[Till]], bytes], float] = {
    outgoing: 0.0015,
    to_nobody: 0.00016,
    with_foreign_token: 0.00008,
    for_two_stalls: 0.00008,
    unbelievable: 0.00003,
}


def body(random: Random, payment: Payment, tills: Sequence[Till]) -> bytes | None:
    """An odd payment's body; None where nothing is odd."""
    chance = random.random()
    for odd, share in ODDITIES.items():
        chance -= share
        if chance < 0:
            return odd(random, payment, tills)
    return None
