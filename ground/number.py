"""Counts and shares as people read them: one rounding for pages, papers and files."""

from decimal import ROUND_HALF_UP, Decimal


def count(number: int, language: str = "vi") -> str:
    """`12345` as `12.345` (in English `12,345`)."""
    text = f"{number:,}"
    return text if language == "en" else text.replace(",", ".")


def percent(share: float, language: str = "vi") -> str:
    """`0.3673` as `36,7 %` (in English `36.7%`). Only nothing reads 0 % and only all of it 100 %."""
    text = f"{share * 100:.0f}" if share in (0, 1) else f"{tenths(share) / 10:.1f}"
    return f"{text}%" if language == "en" else text.replace(".", ",") + "\u00a0%"


def tenths(share: float) -> int:
    """A share between nothing and all in tenths of a percent, halves up as spreadsheets round what they show."""
    return min(max(rounded(share), 1), 999)


def rounded(share: float) -> int:
    """The same without keeping off the ends."""
    return int((Decimal(repr(share)) * 1000).quantize(Decimal(1), ROUND_HALF_UP))
