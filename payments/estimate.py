"""Estimates from a sample: the stratified ratio estimator, and Wilson's interval with an effective sample size.

Both exactly as docs/indicators.md writes them, as pure functions; nothing here knows of stalls, money or tables.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
import scipy  # reads its parts when they are first used: most commands need none of them
from numpy.typing import NDArray

from payments.stratum import Stratum, merge

Z = 1.959964
# A standard error below this is what is left of zero in floating point.
SE_LEAST = 1e-12
_VARIANCE_LEAST = 1e-12  # of a stall's own spread


class Ratio(NamedTuple):
    """R = Y/X with its 95 % interval, all in [0, 1]; Y and X are the estimated totals of the population.

    `value` is None where X is not above 0. `merged`: the thin strata's markets and where they went.
    `is_census`: every stall reported every trading day, so that there is nothing left to estimate.
    """

    value: float | None
    low: float | None
    high: float | None
    Y: float
    X: float
    se: float
    merged: dict[str, str]
    is_census: bool


class _Weighed(NamedTuple):
    """A stratum as columns, a row for each reporting stall; y and x are those of all its trading days."""

    size: int
    days: NDArray[np.float64]
    reported: NDArray[np.float64]
    y: NDArray[np.float64]
    x: NDArray[np.float64]
    squares: NDArray[np.float64]

    @property
    def n(self) -> int:
        return len(self.days)

    @property
    def weight(self) -> float:
        return self.size / self.n


def ratio(strata: Sequence[Stratum]) -> Ratio | None:
    """The share that y is of x in the whole population. None where no stratum has two reporters to tell a spread."""
    merged = merge(strata)
    if merged is None:
        return None
    parts = [_weigh(each) for each in merged.strata]
    Y = sum(part.weight * float(part.y.sum()) for part in parts)
    X = sum(part.weight * float(part.x.sum()) for part in parts)
    told_all = all(part.n == part.size and bool((part.reported == part.days).all()) for part in parts)
    if X <= 0:
        return Ratio(None, None, None, Y, X, 0.0, merged.into, told_all)
    R = Y / X
    se = sqrt(sum(_variance(part, R) for part in parts)) / X
    se = 0.0 if se < SE_LEAST or told_all else se
    low, high = _interval(R, se, parts, told_all=told_all)
    return Ratio(_clip(R), _clip(low), _clip(high), Y, X, se, merged.into, told_all)


def _weigh(stratum: Stratum) -> _Weighed:
    days, reported, y, x, *squares = np.array(stratum.reporters, dtype=np.float64).T
    whole = days / reported
    return _Weighed(stratum.size, days, reported, y * whole, x * whole, np.array(squares))


def _variance(part: _Weighed, R: float) -> float:
    """The stratum's share of X²·v(R): between its stalls, and between the days of those that told of some only."""
    between = _spread(part.y - R * part.x)
    days = _days_variance(part, R)
    if days is None:
        return part.size**2 * between / part.n
    sampled = part.size**2 * (1 - part.n / part.size) * between / part.n
    within = part.days**2 * (1 - part.reported / part.days) * days / part.reported
    return sampled + part.weight * float(within.sum())


def _spread(residuals: NDArray[np.float64]) -> float:
    return float(residuals.var(ddof=1)) if len(residuals) > 1 else 0.0


def _days_variance(part: _Weighed, R: float) -> NDArray[np.float64] | None:
    """s²_i of y − R·x over each stall's own days; None where it is needed and nobody told of two days."""
    several = part.reported > 1
    if not several.any():
        return None if (part.reported < part.days).any() else np.zeros(part.n)
    yy, xy, xx = part.squares
    total = yy - 2 * R * xy + R**2 * xx
    total = np.where(total > _VARIANCE_LEAST * (yy + R**2 * xx), total, 0.0)
    own = total / np.where(several, part.reported - 1, 1)
    return np.where(several, own, own[several].mean())


def _interval(R: float, se: float, parts: Sequence[_Weighed], *, told_all: bool) -> tuple[float, float]:
    sampled = [part for part in parts if part.n < part.size]
    if told_all:
        return R, R
    if se == 0 and sampled:
        return wilson(_clip(R), sum(effective(part.n, part.size) for part in sampled))
    freedom = sum(part.n - 1 for part in sampled or parts)
    if freedom == 0:  # single stalls, each with days untold: nothing says how they spread
        return 0.0, 1.0
    margin = float(scipy.special.stdtrit(freedom, 0.975)) * se
    return R - margin, R + margin


def effective(n: int, N: int) -> float:
    """n_eff: the size that a sample of n from an unlimited population would need to tell as much."""
    return n * (N - 1) / (N - n)


def wilson(p: float, n: float) -> tuple[float, float]:
    """Wilson's score interval at 95 % for a proportion p of n, which need not be whole."""
    shrink = 1 + Z**2 / n
    centre = (p + Z**2 / (2 * n)) / shrink
    margin = Z * sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / shrink
    # The interval holds p itself; rounding must not say otherwise where p is 0 or 1.
    return _clip(min(centre - margin, p)), _clip(max(centre + margin, p))


def _clip(share: float) -> float:
    return min(max(share, 0.0), 1.0)
