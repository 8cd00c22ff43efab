"""An amount that a payer types in."""

from ground import money
from ground.refusal import Refusal

# One transfer by a VietQR is below 500 million (NAPAS 247), so that this is surely a slip of the finger.
MOST = 499_999_999


def read_amount(text: str | None) -> int | None:
    """`50000`, `50.000` or `50,000 ₫` in đồng, None where nothing is said; Refusal (422) for the rest."""
    bare = (text or "").strip()
    if not bare:
        return None
    try:
        amount = money.read(bare.replace(",", "."))
    except ValueError:
        raise Refusal("pay.not_an_amount", typed=bare[:20]) from None
    if not 0 < amount <= MOST:
        raise Refusal("pay.amount_out_of_range", most=f"{MOST:,}".replace(",", "\u00a0"))
    return amount
