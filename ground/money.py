"""Money: whole đồng as int, shown by one function and read by one."""

import re

DONG_MAX = 10**12
_GROUPED = re.compile(r"\d{1,3}(\.\d{3})+|\d+", re.ASCII)


def show(amount: int, language: str = "vi") -> str:
    """`1234567` as `1.234.567 ₫` (in English `1,234,567 ₫`)."""
    assert isinstance(amount, int), "money is whole đồng"
    text = f"{amount:,}"
    return (text if language == "en" else text.replace(",", ".")) + " ₫"


def read(text: str) -> int:
    """`1.234.567 ₫`, `1.234.567` or `1234567` as 1234567; ValueError for anything else."""
    bare = text.replace("\u00a0", " ").strip().removesuffix("₫").removesuffix("đ").strip()
    if not _GROUPED.fullmatch(bare):
        raise ValueError(f"not an amount in đồng: {text[:40]!r}")
    return int(bare.replace(".", ""))
