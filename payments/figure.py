"""A figure: an indicator's value with everything needed to defend it."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple

from ground import words

DEFINITIONS_VERSION = 1

Status = Literal["suppressed", "insufficient", "final", "provisional"]


class Remark(NamedTuple):
    """Something more to be said of a figure: a key of the word files, and what its sentence names."""

    key: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """docs/indicators.md, "Coverage and status". A share is an unrounded float, a level whole đồng or sales.

    `reason` is a key of the word files or None; `because` says it in the reader's language, with the remarks.
    Of an estimated share `population` says what N counts, and `connected` which part of all stalls that is; `least`
    and `most` are the bounds of a proportion with nothing assumed of those nobody inspected.
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
    population: str | None = None
    connected: float | None = None
    least: float | None = None
    most: float | None = None
    remarks: tuple[Remark, ...] = ()

    def because(self, language: str = "en") -> str | None:
        """The reason and the remarks as one line."""
        said = [words.say(self.reason, language)] if self.reason else []
        said += [words.say(key, language, **params) for key, params in self.remarks]
        return "; ".join(said) or None

    def shown(self) -> dict[str, Any]:
        """As JSON shows it, but for the reason's words; what only some figures have only where there is one."""
        told = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "remarks"}
        told["sources"] = list(self.sources)
        return {name: value for name, value in told.items() if value is not None or name not in ONLY_SOME}


ONLY_SOME = ("k", "population", "connected", "least", "most")


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


def hide(figure: Figure, reason: str = "figure.suppressed") -> Figure:
    """The same figure for those who might work out a single stall's takings from it."""
    return replace(
        figure,
        value=None,
        low=None,
        high=None,
        numerator=None,
        denominator=None,
        least=None,
        most=None,
        status="suppressed",
        reason=reason,
        remarks=(),
    )
