"""A generated month: notices and statement lines of many stalls, with what goes wrong in life, and the truth."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ground import clock
from ground.vault import Vault
from payments import reference

STALLS_PER_LINE = 1 / 1000
FIRST = datetime(2026, 9, 30, 17, tzinfo=UTC)  # midnight of 1 October at the market
DAYS = 30
OPEN, CLOSE = 5 * 3600, 21 * 3600  # seconds of the day; nothing here waits for the bank's next day


class Sale(NamedTuple):
    """One payment. told and stated: seconds since FIRST as the provider and the bank know them, None if they don't."""

    number: int
    account: int
    told: int | None
    stated: int | None
    amount: int
    stated_amount: int
    reference: str | None
    repeated: bool
    known: bool

    def day(self) -> int:
        moment = self.told if self.told is not None else self.stated
        assert moment is not None
        return moment // 86400


def sales(lines: int, seed: int = 1) -> Iterator[Sale]:
    """1 % each without a line, without a notice, with another amount on the statement, told twice, and at an account
    nobody knows; 20 % without a usable reference and with one of three amounts.

    A lost line and a lost notice of alike sales never meet on one day: nobody could tell them from one sale.
    """
    draw = random.Random(seed)
    accounts = max(10, int(lines * STALLS_PER_LINE))
    for number in range(lines):
        account, day = draw.randrange(accounts), draw.randrange(DAYS)
        second = day * 86400 + draw.randrange(OPEN, CLOSE)
        fate = draw.random()
        bare = draw.random() < 0.2
        amount = draw.choice((10_000, 20_000, 50_000)) if bare else draw.randrange(5, 500) * 1000
        named = None if bare else f"FT26{draw.randrange(10**12):012d}"
        no_line, no_notice = fate < 0.01 and day % 2 == 0, 0.01 <= fate < 0.02 and day % 2 == 1
        other = 0.02 <= fate < 0.03 and not bare
        yield Sale(
            number,
            account,
            None if no_notice else second,
            None if no_line else second + draw.randrange(-5, 6),
            amount,
            amount - 1000 if other else amount,
            named,
            0.03 <= fate < 0.04,
            not 0.04 <= fate < 0.05,
        )


def account_number(sale: Sale) -> str:
    return f"{sale.account:09d}" if sale.known else f"9{sale.account:09d}"


def moment(second: int) -> str:
    return (FIRST + timedelta(seconds=second)).isoformat()


def day(second: int) -> str:
    return clock.business_date(FIRST + timedelta(seconds=second)).isoformat()


def names(vault: Vault, sale: Sale) -> str:
    return "{" + ",".join(map(str, reference.names(vault, sale.reference))) + "}"
