"""A record's number as somebody types or sends it: the database is asked only for what it can hold."""

MAX = 2**63 - 1
"""A BIGINT's end."""


def read(told: str) -> int | None:
    """The number written in plain digits; None where no record can have it (`²`, `-1`, a thousand digits)."""
    digits = told.strip()
    if not (digits.isascii() and digits.isdigit()):
        return None
    digits = digits.lstrip("0")
    number = int(digits) if 0 < len(digits) <= len(str(MAX)) else 0
    return number if is_one(number) else None


def is_one(number: int) -> bool:
    """Whether any record could have it."""
    return 0 < number <= MAX
