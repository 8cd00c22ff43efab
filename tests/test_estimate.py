"""Estimates: the worked examples, every edge, a literal oracle, an independent survey package, and coverage."""

import warnings
from collections.abc import Sequence
from fractions import Fraction
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.coverage import cover
from payments.estimate import Ratio, effective, ratio, wilson
from payments.proportion import Inspected, proportion
from payments.stratum import Reporter, Stratum, merge
from tests import share_oracle
from tests.share_oracle import Part

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # samplics says on import that it has a successor
    import samplics
    from samplics import TaylorEstimator

Y = (300, 120, 0, 450, 80, 200, 610, 40)
X = (900, 400, 250, 1000, 500, 350, 1200, 300)


def report(days: int, told: Sequence[tuple[int, int]]) -> Reporter:
    """A stall from the (y, x) of each of its days that were told of."""
    y, x, count = sum(day[0] for day in told), sum(day[1] for day in told), len(told)
    about = [(one - y / count, other - x / count) for one, other in told]
    yy, xy, xx = (sum(products) for products in zip(*((a * a, a * b, b * b) for a, b in about), strict=True))
    return Reporter(days, count, y, x, yy, xy, xx)


def whole(market: str, size: int, *sales: tuple[int, int], ward: str | None = None) -> Stratum:
    """A stratum whose reporters told of every day."""
    return Stratum(market, size, tuple(report(1, [each]) for each in sales), ward)


def told(*strata: Stratum) -> Ratio:
    found = ratio(strata)
    assert found is not None
    return found


def shown(found: Ratio) -> tuple[float, float, float]:
    assert found.value is not None and found.low is not None and found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    return found.value, found.low, found.high


def test_the_worked_example_to_six_digits() -> None:
    found = told(whole("a", 20, *zip(Y, X, strict=True)))
    assert found.value == pytest.approx(0.3673469, abs=5e-8)
    assert found.se == pytest.approx(0.0435243, abs=5e-8)
    assert (found.low, found.high) == pytest.approx((0.26443, 0.47027), abs=5e-6)
    assert (round(found.Y), round(found.X)) == (4500, 12250)
    assert found.value != pytest.approx(0.3070536), "never the mean of the stalls' own ratios"


def test_the_worked_proportion_to_six_digits() -> None:
    assert effective(60, 500) == pytest.approx(68.0455, abs=5e-5)
    found = proportion([Inspected("a", 500, 60, 51)])
    assert found is not None
    assert (found.value, found.n, found.genuine) == (0.85, 60, 51)
    assert (found.low, found.high) == pytest.approx((0.746662, 0.915932), abs=5e-7)
    assert (found.least, found.most) == pytest.approx((0.102, 0.982))


def test_when_everybody_reports_every_day_the_interval_is_a_point() -> None:
    assert shown(told(whole("a", 8, *zip(Y, X, strict=True)))) == (1800 / 4900,) * 3
    assert shown(told(whole("a", 1, (3, 4)))) == (0.75,) * 3
    found = told(Stratum("a", 2, (report(3, [(1, 2), (0, 5), (4, 4)]), report(2, [(0, 0), (1, 1)]))))
    assert found.is_census and shown(found) == (0.5,) * 3


def test_everybody_but_not_every_day_leaves_a_doubt() -> None:
    found = told(Stratum("a", 2, (report(3, [(1, 2), (4, 5)]), report(2, [(0, 2), (2, 2)]))))
    value, low, high = shown(found)
    assert not found.is_census and low < value < high


def test_one_stall_of_which_some_days_are_known_could_be_anything() -> None:
    assert shown(told(Stratum("a", 1, (report(4, [(1, 2), (3, 4), (1, 1)]),)))) == (5 / 7, 0.0, 1.0)


def test_one_reporter_of_several_stalls_tells_nothing() -> None:
    assert ratio([whole("a", 9, (1, 2))]) is None
    assert ratio([whole("a", 9)]) is None
    assert ratio([whole("a", 9, (1, 2)), whole("b", 9, (1, 2)), whole("c", 4)]) is None


def test_single_stalls_that_are_whole_markets_need_no_other() -> None:
    assert shown(told(whole("a", 1, (1, 2)), whole("b", 1, (3, 4)))) == (4 / 6,) * 3


def test_without_any_sale_there_is_no_share() -> None:
    found = told(whole("a", 9, (0, 0), (0, 0), (0, 0)))
    assert (found.value, found.low, found.high) == (None, None, None)
    assert told(whole("a", 9, (-5, -1), (0, 0))).value is None, "more refunded than sold"


@pytest.mark.parametrize("cashless", [0, 1])
def test_where_all_are_alike_the_interval_is_wilsons(cashless: int) -> None:
    """Nothing varies in the sample, which does not mean that nothing does among the rest."""
    found = told(whole("a", 50, *((cashless * x, x) for x in X)))
    assert (found.value, found.se) == (cashless, 0)
    assert shown(found)[1:] == pytest.approx(wilson(cashless, 8 * 49 / 42))


def test_proportional_takings_are_alike_whatever_floats_make_of_them() -> None:
    found = told(whole("a", 50, *((3 * x, 10 * x) for x in (7, 11, 13, 170_001, 3_333_333, 10**9 + 7))))
    assert found.se == 0
    assert shown(found)[1:] == pytest.approx(wilson(0.3, 6 * 49 / 44))
    partly = Stratum("a", 50, tuple(report(9, [(3 * x, 10 * x), (3, 10)]) for x in (7, 11, 13, 170_001, 10**9 + 7)))
    assert told(partly).se == 0


def test_days_that_nobody_told_twice_of_cannot_be_spread() -> None:
    """Without two days of anybody the second term and the factor 1 − n/N are both left out."""
    once = Stratum("a", 20, tuple(report(2, [(y, x)]) for y, x in zip(Y, X, strict=True)))
    every = whole("a", 20, *((2 * y, 2 * x) for y, x in zip(Y, X, strict=True)))
    assert told(once).value == told(every).value
    assert told(once).se == pytest.approx(told(every).se / (1 - 8 / 20) ** 0.5)


def test_a_stall_open_for_half_of_the_period_counts_its_own_days() -> None:
    """D_i is the stall's own: ten reported days of its ten are all there is."""
    stalls = (report(10, [(1, 4)] * 10), report(30, [(2, 4)] * 15), report(30, [(1, 2)] * 30))
    found = told(Stratum("a", 3, stalls))
    assert (found.Y, found.X) == (10 + 60 + 30, 40 + 120 + 60)


def test_a_negative_share_is_shown_as_none() -> None:
    found = told(whole("a", 9, (-30, 10), (10, 20), (5, 50)))
    assert found.value == 0 == found.low


def test_thin_strata_are_merged_in_their_ward_or_else_in_the_area() -> None:
    strata = [
        whole("a", 9, (1, 2), ward="w"),
        whole("b", 9, (1, 2), (2, 3), ward="w"),
        whole("c", 9, ward="v"),
        whole("d", 9, (1, 2), (1, 2), (1, 2), ward="u"),
        whole("e", 1, (1, 2), ward="u"),
        whole("f", 4, ward=None),
        whole("g", 0, ward="w"),
    ]
    merged = merge(strata)
    assert merged is not None
    assert merged.into == {"a": "b", "c": "b", "f": "b"}, "b has three after a, as many as d, and comes first"
    assert {each.market: (each.size, len(each.reporters)) for each in merged.strata} == {
        "b": (31, 3),
        "d": (9, 3),
        "e": (1, 1),
    }


def test_what_a_thin_stratum_was_merged_into_may_be_thin_itself() -> None:
    strata = [whole("a", 9, (1, 2), ward="w"), whole("b", 9, ward="w"), whole("c", 9, (1, 2), (2, 3), ward="v")]
    merged = merge(strata)
    assert merged is not None
    assert merged.into == {"a": "c", "b": "c"}
    complete = [whole("a", 1, (1, 2), ward="w"), whole("b", 9, ward="w"), whole("c", 9, (1, 2), (2, 3), ward="v")]
    again = merge(complete)
    assert again is not None
    assert again.into == {"a": "c", "b": "c"}, "a was complete until b joined it"


_DAY = st.tuples(st.integers(-3, 9), st.integers(0, 12)).map(lambda day: (day[0], max(day)))
_EVEN = st.integers(0, 9).map(lambda x: (x, x))


@st.composite
def _parts(draw: st.DrawFn) -> list[Part]:
    day = draw(st.sampled_from((_DAY, _DAY, _EVEN)))
    parts = []
    for market in "abcd"[: draw(st.integers(1, 4))]:
        size = draw(st.integers(0, 12))
        stalls = []
        for _ in range(draw(st.integers(0, size))):
            days = draw(st.integers(1, 5))
            stalls.append((days, draw(st.lists(day, min_size=1, max_size=days))))
        parts.append(Part(market, size, stalls))
    return parts


@settings(max_examples=250, deadline=None)
@given(_parts(), st.lists(st.sampled_from(("u", "v", None)), min_size=4, max_size=4))
def test_every_estimate_is_the_oracles(parts: list[Part], wards: list[str | None]) -> None:
    places = dict(zip("abcd", wards, strict=True))
    wanted = share_oracle.estimate(parts, places)
    found = ratio(
        [
            Stratum(
                part.market, part.size, tuple(report(days, said) for days, said in part.stalls), places[part.market]
            )
            for part in parts
        ]
    )
    if wanted is None or found is None:
        assert found is None and wanted is None
        return
    totals = pytest.approx((float(wanted.Y), float(wanted.X)))
    assert totals == (found.Y, found.X)
    assert (found.merged, found.is_census) == (wanted.merged, wanted.everything)
    if wanted.X <= 0:
        assert found.value is None
        return
    limits = tuple(map(share_oracle.clip, (float(wanted.R), wanted.low, wanted.high)))
    assert shown(found) == pytest.approx(limits, rel=1e-7, abs=1e-7)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=4))
def test_every_proportion_is_as_written(numbers: list[tuple[int, int, int]]) -> None:
    """docs/indicators.md, "Proportions from a sample", in fractions."""
    sizes = [sorted(three, reverse=True) for three in numbers]
    markets = [Inspected(chr(97 + at), *three) for at, three in enumerate(sizes)]
    found = proportion(markets)
    there = [each for each in markets if each.size]
    kept = [each for each in there if each.inspected >= 2] if len(there) > 1 else there
    n, a, N = (sum(each[at] for each in kept) for at in (2, 3, 1))
    if n == 0:
        assert found is None
        return
    assert found is not None
    everyone = sum(each.size for each in there)
    assert (found.n, found.genuine) == (n, a)
    assert (found.least, found.most) == (a / everyone, (a + everyone - n) / everyone)
    assert set(found.left_out) == {each.market for each in there} - {each.market for each in kept}
    p = sum((Fraction(each.size * each.genuine, N * each.inspected) for each in kept), Fraction())
    assert found.value == pytest.approx(float(p))
    sampled = [each for each in kept if each.inspected < each.size]
    v = Fraction()
    for each in kept if len(kept) > 1 else ():
        own = Fraction(each.genuine, each.inspected)
        rest = 1 - Fraction(each.inspected, each.size)
        v += Fraction(each.size, N) ** 2 * rest * own * (1 - own) / (each.inspected - 1)
    n_eff = sum(Fraction(each.inspected * (each.size - 1), each.size - each.inspected) for each in sampled)
    limits = share_oracle.wilson(float(p), float(p * (1 - p) / v if v else n_eff)) if sampled else (float(p),) * 2
    assert (found.low, found.high) == pytest.approx(tuple(map(share_oracle.clip, limits)), abs=1e-9)
    assert found.least - 1e-9 <= found.value <= found.most + 1e-9 or found.left_out


def _taylor(strata: list[Stratum]) -> tuple[float, float]:
    """R and its standard error as samplics has them, finite population correction included."""
    rows = [(each.market, each.size, len(each.reporters), one) for each in strata for one in each.reporters]
    estimator = TaylorEstimator(samplics.PopParam.ratio)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.estimate(
            y=np.array([row[3].y for row in rows], dtype=float),
            x=np.array([row[3].x for row in rows], dtype=float),
            samp_weight=np.array([row[1] / row[2] for row in rows]),
            stratum=np.array([row[0] for row in rows]),
            psu=np.arange(len(rows)),
            fpc={each.market: 1 - len(each.reporters) / each.size for each in strata},
        )
    return float(estimator.point_est), float(estimator.stderror)


@pytest.mark.parametrize("seed", range(5))
def test_an_independent_survey_package_agrees(seed: int) -> None:
    """samplics linearises as we do; what it doesn't have is told in docs/evidence.md."""
    chance = np.random.default_rng(seed)
    strata = []
    for market in "abc"[: 1 + seed % 3]:
        n = int(chance.integers(2, 30))
        x = np.exp(chance.normal(12, 1, n)).astype(int)
        y = (x * chance.beta(1, 2, n)).astype(int)
        strata.append(whole(market, n + int(chance.integers(1, 99)), *zip(y.tolist(), x.tolist(), strict=True)))
    point, error = _taylor(strata)
    found = told(*strata)
    assert not isnan(error)
    assert (found.value, found.se) == pytest.approx((point, error), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [0.25, 0.5])
@pytest.mark.parametrize("sizes", [((300, 60),), ((100, 20),) * 3, ((200, 40), (60, 12), (40, 20))])
def test_the_interval_covers_the_truth_as_often_as_it_says(sigma: float, sizes: tuple[tuple[int, int], ...]) -> None:
    """2,000 seeded populations each: moderately skewed takings, at least 60 reporters."""
    assert sum(n for _, n in sizes) >= 60
    assert 0.93 <= cover(sizes, sigma, populations=2_000, seed=1) <= 0.97


@pytest.mark.slow
def test_partial_reporters_are_covered_as_well() -> None:
    """Each tells of 20 of 30 days: what the other ten were adds to the doubt."""
    assert 0.93 <= cover(((300, 60),), 0.5, populations=2_000, seed=2, days=30, reported=20) <= 0.97


@pytest.mark.slow
def test_small_skewed_samples_are_covered_less_and_the_figure_says_so() -> None:
    """docs/indicators.md, "Honesty about small samples": about 82 % of samples of 8, 91 % of 60 in 300."""
    assert cover(((300, 8),), 1.0, populations=2_000, seed=3) == pytest.approx(0.82, abs=0.04)
    assert cover(((300, 60),), 1.0, populations=2_000, seed=3) == pytest.approx(0.91, abs=0.03)
