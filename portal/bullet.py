"""The geometry of a bullet chart: a figure, its interval and its target on one line, 100 wide."""

from typing import NamedTuple

from payments.figure import Figure
from payments.scoreboard import Judged

WIDTH = 100
# Up to which part of the target a band reaches: docs/indicators.md, "Targets".
BANDS = (("far", 0.5), ("behind", 0.7), ("near", 1.0))
ROOM = 1.1  # of a level's scale, beyond the larger of value and target


class Zone(NamedTuple):
    band: str
    x: float
    width: float


class Bullet(NamedTuple):
    """`low` and `width` are the whisker's; None where the interval is a point. `target` None: there is none."""

    value: float
    low: float | None
    width: float | None
    target: float | None
    zones: list[Zone]


def draw(figure: Figure, judged: Judged | None) -> Bullet | None:
    """None where there is nothing to draw: no value, or a level that nothing is held against."""
    wanted = float(judged.target.shown or 0) if judged else None
    is_share = isinstance(figure.value, float)
    if figure.value is None or (not is_share and wanted is None):
        return None
    most = 1.0 if is_share else ROOM * max(float(figure.value), wanted or 0, 1)

    def at(amount: float) -> float:
        return round(WIDTH * min(max(amount / most, 0), 1), 2)

    low, high = figure.low, figure.high
    whisker = low is not None and high is not None and low != high
    return Bullet(
        at(figure.value),
        at(low) if whisker and low is not None else None,
        round(at(high) - at(low), 2) if whisker and low is not None and high is not None else None,
        None if wanted is None else at(wanted),
        [] if wanted is None else _zones([(band, at(wanted * part)) for band, part in BANDS]),
    )


def _zones(ends: list[tuple[str, float]]) -> list[Zone]:
    found, x = [], 0.0
    for band, end in [*ends, ("met", float(WIDTH))]:
        found.append(Zone(band, x, round(end - x, 2)))
        x = end
    return found
