"""A figure: an indicator's value with everything needed to defend it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

DEFINITIONS_VERSION = 1

Status = Literal["suppressed", "insufficient", "final", "provisional"]


@dataclass(frozen=True)
class Figure:
    """The fields of INDICATORS.md, "Coverage and status". A share is an unrounded float, a level whole đồng or sales.

    `reason` is a key of the word files or None; whoever shows the figure says it in the reader's language.
    """

    indicator: str
    value: float | int | None
    low: float | int | None
    high: float | int | None
    numerator: int | None
    denominator: int | None
    n: int
    N: int
    coverage: float | None
    sources: tuple[str, ...]
    method: str
    status: Status
    reason: str | None = None
    k: int | None = None

    def shown(self) -> dict[str, Any]:
        """As JSON shows it; `k` only where there is one."""
        fields = asdict(self)
        fields["sources"] = list(self.sources)
        if self.k is None:
            del fields["k"]
        return fields


def share(indicator: str, numerator: int, denominator: int, *, source: str, k: int | None = None) -> Figure:
    """A census of stalls: n = N, and the interval is a point."""
    if denominator == 0:
        return missing(indicator, "figure.no_stalls", n=0, size=0, sources=(source,), k=k)
    value = numerator / denominator
    return Figure(
        indicator,
        value,
        value,
        value,
        numerator,
        denominator,
        denominator,
        denominator,
        1.0,
        (source,),
        "census",
        "provisional",
        None,
        k,
    )


def level(indicator: str, value: int, *, connected: int, size: int) -> Figure:
    """What the connected stalls took in all; never called a rate."""
    return Figure(
        indicator,
        value,
        value,
        value,
        value,
        None,
        connected,
        size,
        connected / size if size else None,
        ("receipts",),
        "census",
        "provisional",
    )


def missing(
    indicator: str,
    reason: str,
    *,
    n: int,
    size: int,
    sources: tuple[str, ...] = (),
    method: str = "census",
    status: Status = "insufficient",
    k: int | None = None,
) -> Figure:
    """A figure that is not shown, and why."""
    coverage = n / size if size else None
    return Figure(indicator, None, None, None, None, None, n, size, coverage, sources, method, status, reason, k)


def hide(figure: Figure) -> Figure:
    """The same figure for those who might work out a single stall's takings from it."""
    return missing(
        figure.indicator,
        "figure.suppressed",
        n=figure.n,
        size=figure.N,
        sources=figure.sources,
        method=figure.method,
        status="suppressed",
    )
