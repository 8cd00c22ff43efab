"""What a provider would tell: SePay's JSON, with the memo as banks and apps make it of the token."""

from datetime import datetime
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

import orjson

from ground import clock
from payments.demo.board import people
from payments.demo.till import Till

# What becomes of the token, by the payer's app, and how often; the last three lose it.
SHAPES = {
    "{token}": 44,
    "{token} {words}": 32,
    "{words} {token}": 16,
    "MBVCB.{digits}.{six}.{token}.CT tu MAU{six} {payer}": 28,
    "{payer} chuyen tien {token}": 16,
    "{lower} {words}": 12,
    "{token}-CHUYEN TIEN-OQCH{digits}-MOMO{digits}MOMO": 12,
    "IBFT {token}GD {six}": 8,
    "ZP{digits} {split}": 6,
    "QR - {lower}": 8,
    "{token}. TU: {payer}": 12,
    "{payer} chuyen tien": 4,
    "{words} {cut}": 1,
    "": 1,
}
_TEMPLATES, _WEIGHTS = list(SHAPES), list(accumulate(SHAPES.values()))


class Payment(NamedTuple):
    """`till`: where the payer stood, whatever the notice will say. `amount` in đồng."""

    id: int
    moment: datetime
    amount: int
    till: Till


def memo(random: Random, token: str) -> str:
    """A memo around a token, which is sometimes lost on the way."""
    words = people()["memos"]
    (template,) = random.choices(_TEMPLATES, cum_weights=_WEIGHTS)
    return template.format(
        token=token,
        lower=token.lower(),
        split=f"{token[:3]} {token[3:]}",
        cut=token[:6],
        words=random.choice(words["words"]),
        payer=random.choice(words["payers"]),
        digits=int((1 + 9 * random.random()) * 10**9),
        six=int((1 + 9 * random.random()) * 10**5),
    )


def tell(payment: Payment, content: str, *, account: str | None = None, outgoing: bool = False) -> bytes:
    """The body of the webhook. `account`: another one than the till's, which then has no virtual one."""
    till = payment.till
    fields: dict[str, Any] = {
        "id": payment.id,
        "gateway": till.gateway,
        "transactionDate": payment.moment.astimezone(clock.ZONE).isoformat(" ", "seconds")[:19],
        "accountNumber": account or till.account,
        "code": None,
        "content": content,
        "transferType": "out" if outgoing else "in",
        "transferAmount": payment.amount,
        "accumulated": 0,
        "subAccount": None if account or outgoing else till.virtual_account,
        "referenceCode": f"FT{payment.id}",
        "description": "",
    }
    return orjson.dumps(fields)
