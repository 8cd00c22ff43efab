"""`python -m benchmarks.coverage`: how often the 95 % interval of a share covers the truth, by size and skew."""

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from payments.estimate import ratio
from payments.stratum import Reporter, Stratum

STALLS = 300
SIZES = (5, 8, 12, 20, 30, 40, 60)
SKEWS = (0.5, 1.0, 1.5)
USUAL = 1_000_000  # đồng a day
OF_DAY = 0.5  # the skew of one stall's days


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--populations", type=int, default=2_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    print(f"{chosen.populations:,} populations of {STALLS} stalls each; lognormal takings; seed {chosen.seed}")
    print("  n " + "".join(f"{f'σ = {skew:g}':>10}" for skew in SKEWS))
    for n in SIZES:
        covered = [cover(((STALLS, n),), skew, populations=chosen.populations, seed=chosen.seed) for skew in SKEWS]
        print(f"{n:3d} " + "".join(f"{share:>10.1%}" for share in covered), flush=True)


def cover(
    sizes: Sequence[tuple[int, int]], sigma: float, *, populations: int, seed: int, days: int = 1, reported: int = 1
) -> float:
    """The share of populations whose true R lies in the interval told from a sample of them.

    `sizes`: (N_h, n_h) of each stratum. A stall's takings are lognormal with σ = `sigma`, the cashless part of them
    Beta(1, 2), a third on average; with several days each has its own takings and part round the stall's.
    """
    chance = np.random.default_rng(seed)
    return sum(_covers(chance, sizes, sigma, days, reported) for _ in range(populations)) / populations


def _covers(
    chance: np.random.Generator, sizes: Sequence[tuple[int, int]], sigma: float, days: int, reported: int
) -> bool:
    strata, truth = [], np.zeros(2)
    for number, (size, n) in enumerate(sizes):
        y, x = _population(chance, size, sigma, days)
        truth += y.sum(), x.sum()
        drawn = chance.choice(size, n, replace=False)
        strata.append(Stratum(f"{number:02d}", size, _reporters(chance, y[drawn], x[drawn], reported)))
    found = ratio(strata)
    assert found is not None and found.low is not None and found.high is not None
    return bool(found.low <= truth[0] / truth[1] <= found.high)


def _population(
    chance: np.random.Generator, size: int, sigma: float, days: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """y and x, a row for each stall, a column for each day."""
    part = chance.beta(1, 2, (size, 1))
    x = USUAL * np.exp(chance.normal(0, sigma, (size, 1)) * np.ones(days))
    if days > 1:
        x = x * np.exp(chance.normal(0, OF_DAY, (size, days)))
        part = np.clip(part + chance.uniform(-0.1, 0.1, (size, days)), 0, 1)
    return x * part, x


def _reporters(
    chance: np.random.Generator, y: NDArray[np.float64], x: NDArray[np.float64], reported: int
) -> tuple[Reporter, ...]:
    """Each stall tells of so many of its days, whichever they are."""
    days = y.shape[1]
    told = np.argsort(chance.random(y.shape), axis=1)[:, :reported]
    y, x = np.take_along_axis(y, told, 1), np.take_along_axis(x, told, 1)
    dy, dx = y - y.mean(1, keepdims=True), x - x.mean(1, keepdims=True)
    columns = y.sum(1), x.sum(1), (dy * dy).sum(1), (dy * dx).sum(1), (dx * dx).sum(1)
    return tuple(Reporter(days, reported, *row) for row in zip(*columns, strict=True))


if __name__ == "__main__":
    main()
