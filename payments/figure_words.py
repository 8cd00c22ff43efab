"""A figure in words: its name, definition and numbers as papers say them, equal to the pages to the last digit."""

from typing import NamedTuple

from ground import money, number, words
from payments.figure import Figure

LEVELS = ("cashless_value", "cashless_count")
IN_DONG = ("cashless_value", "value_share", "bill_share", "reconciled_share")
NONE = "–"


class Told(NamedTuple):
    """One figure as a row of a table. `value`, `of` and `coverage` are a dash where there is nothing to show."""

    figure: Figure
    name: str
    definition: str
    value: str
    interval: str
    of: str
    coverage: str
    size: str
    method: str
    sources: str
    status: str
    reason: str

    @property
    def indicator(self) -> str:
        return self.figure.indicator

    @property
    def bare(self) -> str:
        """The value for a column whose head names the unit."""
        return self.value.removesuffix("\u00a0₫")


def tell(figure: Figure, language: str) -> Told:
    """The figure's row in the reader's language."""
    name = figure.indicator
    named = [words.say(f"page.source.{source}", language) for source in figure.sources]
    counted = {"n": number.count(figure.n, language), "size": number.count(figure.N, language)}
    return Told(
        figure,
        words.say(f"indicator.{name}", language),
        words.say(f"page.definition.{name}", language, k=figure.k),
        value(figure, language),
        interval(figure, language),
        of(figure, language),
        NONE if figure.coverage is None else number.percent(figure.coverage, language),
        words.say("page.market.n_of", language, **counted),
        words.say(f"page.method.{figure.method.replace(' ', '_')}", language),
        ", ".join(named) or words.say("page.market.no_sources", language),
        words.say(f"page.status.{figure.status}", language),
        figure.because(language) or "",
    )


def value(figure: Figure, language: str) -> str:
    if figure.value is None:
        return NONE
    if figure.indicator in LEVELS:
        return amount(int(figure.value), figure.indicator, language)
    return number.percent(figure.value, language)


def interval(figure: Figure, language: str) -> str:
    """Empty for a point. What volunteers told has no confidence interval, and is not called one."""
    if figure.low is None or figure.high is None or figure.low == figure.high:
        return ""
    key = "share.typical" if figure.method == "volunteers" else "page.market.interval"
    low, high = (number.percent(end, language) for end in (figure.low, figure.high))
    return words.say(key, language, low=low, high=high)


def of(figure: Figure, language: str) -> str:
    """Numerator and denominator; a level has none."""
    if figure.denominator is None or figure.numerator is None:
        return NONE
    parts = {part: amount(getattr(figure, part), figure.indicator, language) for part in ("numerator", "denominator")}
    return words.say("page.of.pair", language, **parts)


def amount(whole: int, indicator: str, language: str) -> str:
    """`1.234.567 ₫` where the indicator counts đồng, else `1.234.567`. The space does not break."""
    if indicator in IN_DONG:
        return money.show(whole, language).replace(" ", "\u00a0")
    return number.count(whole, language)
