"""The shares that rest on evidence from scratch: lists of reports, day by day, in fractions, slow and literal.

Written from docs/indicators.md alone, as the third part of rates_oracle.py; it shares no line with the code it judges.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from math import sqrt
from typing import Any, NamedTuple

import pytest
from scipy import stats

from tests.fate_oracle import Row

Stall = tuple[str, str]
Days = list[tuple[int, int]]  # (y, x) of each reported day


class Report(NamedTuple):
    """A cash record, in the order of recording."""

    market: str
    stall: str
    day: date
    source: str
    amount: int
    count: int | None


class Seen(NamedTuple):
    """An observation, in the order of recording."""

    market: str
    stall: str
    day: date
    cashless: int
    total: int


class Lot(NamedTuple):
    """A stored sample."""

    market: str
    first: date
    last: date
    drawn: list[str]


class Look(NamedTuple):
    """An inspection, in the order of the days and of looking."""

    market: str
    stall: str
    day: date
    verdict: str


class Area(NamedTuple):
    """What the shares need of an area: U with each stall's trading days, the connected ones, each market's ward."""

    trading: dict[Stall, set[date]]
    connected: set[Stall]
    wards: dict[str, Any]


class Part(NamedTuple):
    """A stratum: its size, and of each reporting stall the trading days and what was reported."""

    market: str
    size: int
    stalls: list[tuple[int, Days]]


class Ledger(NamedTuple):
    """The facts sorted once: the latest records, and of each stall and day the đồng and the number of its sales."""

    reports: dict[tuple[str, str, date, str], Report]
    reported: list[tuple[str, str, date]]
    seen: dict[tuple[str, str, date], Seen]
    lots: Sequence[Lot]
    looks: Sequence[Look]
    value: Counter[tuple[str, str, date]]
    number: Counter[tuple[str, str, date]]
    gross: Counter[tuple[str, str, date]]
    confirmed: Counter[tuple[str, str, date]]


def ledger(
    reports: Sequence[Report], seen: Sequence[Seen], lots: Sequence[Lot], looks: Sequence[Look], rows: Sequence[Row]
) -> Ledger:
    sums: list[Counter[tuple[str, str, date]]] = [Counter(), Counter(), Counter(), Counter()]
    for row in rows:
        for total, part in zip(sums, row[3:], strict=True):
            total[row[:3]] += part
    latest = {(each.market, each.stall, each.day, each.source): each for each in reports}
    observed = {(each.market, each.stall, each.day): each for each in seen}
    return Ledger(latest, sorted({key[:3] for key in latest}), observed, lots, looks, *sums)


def shares(area: Area, facts: Ledger) -> dict[str, dict[str, Any]]:
    """The two figures, with what each reporting stall adds to y and to x as `parts`."""
    observed = watch(area, facts)
    of_count = observed or declared(area, facts, counts=True)
    return {"value_share": declared(area, facts, counts=False), "count_share": of_count}


def verified(area: Area, facts: Ledger, cells: set[tuple[str, date]]) -> dict[str, Any]:
    """Drawn stalls of U that were inspected in the area's days, by the last look at each."""
    last: dict[Stall, str] = {}
    for look in sorted(facts.looks, key=lambda look: look.day):
        drawn = any(
            lot.market == look.market and lot.first <= look.day <= lot.last and look.stall in lot.drawn
            for lot in facts.lots
        )
        if drawn and (look.market, look.day) in cells and look[:2] in area.trading:
            last[look[:2]] = look.verdict
    N = len(area.trading)
    markets = []
    for market in sorted({market for market, _ in area.trading}):
        verdicts = [verdict for stall, verdict in last.items() if stall[0] == market]
        size = sum(stall[0] == market for stall in area.trading)
        markets.append((market, size, len(verdicts), verdicts.count("genuine")))
    kept = [each for each in markets if each[2] >= 2] if len(markets) > 1 else markets
    n, a = sum(each[2] for each in kept), sum(each[3] for each in kept)
    left = [each[0] for each in markets if each not in kept]
    told: dict[str, Any] = {"n": n, "N": N, "coverage": n / N if N else None, "method": "drawn sample"}
    told |= {"sources": ["inspections"] if last else [], "population": None, "connected": None}
    told |= dict.fromkeys(("value", "low", "high", "numerator", "denominator", "least", "most", "reason"))
    told["remarks"] = [("share.left_out", {"markets": ", ".join(left)})] if n and left else []
    if not last:
        return told | {"status": "insufficient", "reason": "figure.no_inspections"}
    if n == 0 or (n < 5 and n < N):
        return told | {"status": "insufficient", "reason": "share.too_few"}
    if Fraction(n, N) < Fraction(5, 100):
        return told | {"status": "insufficient", "reason": "share.too_little"}
    value, low, high = proportion([each[1:] for each in kept])
    limits = {"value": value, "low": clip(low), "high": clip(high), "least": a / N, "most": (a + N - n) / N}
    limits = {name: pytest.approx(limit, rel=1e-9, abs=1e-9) for name, limit in limits.items()}
    return told | limits | {"numerator": a, "denominator": n, "status": "provisional"}


def proportion(markets: Sequence[tuple[int, int, int]]) -> tuple[float, float, float]:
    """(N, n, a) of each market: docs/indicators.md, "Proportions from a sample"."""
    N = sum(each[0] for each in markets)
    p = sum((Fraction(size, N) * Fraction(a, n) for size, n, a in markets), Fraction())
    sampled = [each for each in markets if each[1] < each[0]]
    if not sampled:
        return (float(p),) * 3
    v = Fraction()
    for size, n, a in markets if len(markets) > 1 else ():
        own = Fraction(a, n)
        v += Fraction(size, N) ** 2 * (1 - Fraction(n, size)) * own * (1 - own) / (n - 1)
    n_eff = p * (1 - p) / v if v else sum(Fraction(n * (size - 1), size - n) for size, n, _ in sampled)
    return float(p), *wilson(float(p), float(n_eff))


def watch(area: Area, facts: Ledger) -> dict[str, Any] | None:
    """From observations, where at least 5 stalls were observed."""
    told: dict[Stall, Days] = {}
    picked = set()
    for (market, stall, day), each in facts.seen.items():
        if day in area.trading.get((market, stall), ()):
            told.setdefault((market, stall), []).append((each.cashless, each.total))
            if not any(
                lot.market == market and lot.first <= day <= lot.last and stall in lot.drawn for lot in facts.lots
            ):
                picked.add((market, stall))
    if len(told) < 5:
        return None
    remarks = [("share.picked", {"count": len(picked)})] if picked else []
    population = {"population": "all stalls", "connected": None}
    strata = parts(area, set(area.trading), told)
    return figure(strata, area, ["observed"], "stratified ratio", remarks, anything=True) | population


def declared(area: Area, facts: Ledger, *, counts: bool) -> dict[str, Any]:
    """From declared and booked days; booked wins on a day with both."""
    told: dict[Stall, Days] = {}
    sources: dict[Stall, set[str]] = {}
    under = 0
    for market, stall, day in facts.reported:
        if (market, stall) not in area.connected or day not in area.trading.get((market, stall), ()):
            continue
        taken, sold = facts.value[market, stall, day], facts.number[market, stall, day]
        booked = facts.reports.get((market, stall, day, "booked"))
        own = facts.reports.get((market, stall, day, "declared"))
        if booked and (booked.amount < taken or (counts and booked.count is not None and booked.count < sold)):
            under += 1
            continue
        y, x, source = (sold if counts else taken), None, ""
        if booked and (booked.count if counts else booked.amount) is not None:
            x, source = (booked.count if counts else booked.amount), "booked"
        elif own and (own.count if counts else own.amount) is not None:
            x, source = y + ((own.count or 0) if counts else own.amount), "declared"
        if x is not None:
            told.setdefault((market, stall), []).append((y, x))
            sources.setdefault((market, stall), set()).add(source)
    enough = {stall: days for stall, days in told.items() if 2 * len(days) >= len(area.trading[stall])}
    found = {source for stall in enough for source in sources[stall]}
    remarks = [("share.under_receipts", {"count": under})] if under else []
    method = "volunteers" if found else "stratified ratio"
    share = len(area.connected) / len(area.trading) if area.trading else None
    ordered = [source for source in ("declared", "booked") if source in found]
    made = figure(parts(area, area.connected, enough), area, ordered, method, remarks, anything=bool(told))
    return made | {"population": "connected stalls", "connected": share}


def parts(area: Area, population: set[Stall], told: dict[Stall, Days]) -> list[Part]:
    markets = sorted({market for market, _ in area.trading})
    return [
        Part(
            market,
            sum(stall[0] == market for stall in population),
            [(len(area.trading[stall]), told[stall]) for stall in sorted(told) if stall[0] == market],
        )
        for market in markets
    ]


def figure(
    strata: list[Part],
    area: Area,
    sources: list[str],
    method: str,
    remarks: list[tuple[str, dict[str, Any]]],
    *,
    anything: bool,
) -> dict[str, Any]:
    n, N = sum(len(each.stalls) for each in strata), sum(each.size for each in strata)
    coverage = n / N if N else None
    days = [told for each in strata for _, told in each.stalls]
    told: dict[str, Any] = {"n": n, "N": N, "coverage": coverage, "sources": sources, "method": method}
    told["parts"] = [[sum(day[at] for day in each) for each in days] for at in (0, 1)]
    nothing = dict.fromkeys(("value", "low", "high", "numerator", "denominator"))
    reason = None
    if not anything or not N:
        reason = "figure.no_cash_known"
    elif n < 5 and n < N:
        reason = "share.too_few"
    elif Fraction(n, N) < Fraction(5, 100):
        reason = "share.too_little"
    result = None if reason else estimate(strata, area.wards)
    if result is None or result.X <= 0:
        reason = reason or ("share.no_stratum" if result is None else "figure.no_sales")
        return told | nothing | {"status": "insufficient", "reason": reason, "remarks": remarks}
    merged: dict[str, list[str]] = {}
    for market, into in sorted(result.merged.items()):
        merged.setdefault(into, []).append(market)
    named = [("share.merged", {"markets": ", ".join(markets), "into": into}) for into, markets in merged.items()]
    return told | {
        "value": pytest.approx(clip(result.R), rel=1e-9, abs=1e-9),
        "low": pytest.approx(clip(result.low), rel=1e-7, abs=1e-7),
        "high": pytest.approx(clip(result.high), rel=1e-7, abs=1e-7),
        "numerator": pytest.approx(float(result.Y), abs=0.501),
        "denominator": pytest.approx(float(result.X), abs=0.501),
        "status": "provisional",
        "reason": "share.small_sample" if n < 20 and not result.everything else None,
        "remarks": named + remarks,
    }


class Result(NamedTuple):
    R: float
    low: float
    high: float
    Y: Fraction
    X: Fraction
    v: Fraction
    merged: dict[str, str]
    everything: bool


def estimate(strata: list[Part], wards: dict[str, Any]) -> Result | None:
    left, merged = merge([each for each in strata if each.size], wards)
    if left is None:
        return None
    Y = sum((Fraction(each.size, len(each.stalls)) * sum(y for y, _ in whole(each)) for each in left), Fraction())
    X = sum((Fraction(each.size, len(each.stalls)) * sum(x for _, x in whole(each)) for each in left), Fraction())
    everything = all(len(each.stalls) == each.size and all(len(told) == D for D, told in each.stalls) for each in left)
    if X <= 0:
        return Result(0, 0, 0, Y, X, Fraction(), merged, everything)
    R = Y / X
    if everything:
        return Result(float(R), float(R), float(R), Y, X, Fraction(), merged, everything)
    v = sum((variance(each, R) for each in left), Fraction()) / X**2
    sampled = [each for each in left if len(each.stalls) < each.size]
    if v == 0 and sampled:
        n_eff = sum(Fraction(len(each.stalls) * (each.size - 1), each.size - len(each.stalls)) for each in sampled)
        low, high = wilson(clip(float(R)), float(n_eff))
        return Result(float(R), low, high, Y, X, v, merged, everything)
    freedom = sum(len(each.stalls) - 1 for each in (sampled or left))
    if freedom == 0:
        return Result(float(R), 0.0, 1.0, Y, X, v, merged, everything)
    margin = float(stats.t.ppf(0.975, freedom)) * sqrt(v)
    return Result(float(R), float(R) - margin, float(R) + margin, Y, X, v, merged, everything)


def merge(strata: list[Part], wards: dict[str, Any]) -> tuple[list[Part] | None, dict[str, str]]:
    def thin(part: Part) -> bool:
        return len(part.stalls) < 2 and len(part.stalls) != part.size

    if any(map(thin, strata)) and not any(len(each.stalls) >= 2 for each in strata):
        return None, {}
    left = sorted(strata, key=lambda part: part.market)
    moved: list[tuple[str, str]] = []
    while any(map(thin, left)):
        for market in sorted(part.market for part in left):
            part = next((each for each in left if each.market == market), None)
            if part is None or not thin(part):
                continue
            others = [each for each in left if each.market != market]
            near = [each for each in others if wards[each.market] is not None and wards[each.market] == wards[market]]
            most = max(len(each.stalls) for each in near or others)
            into = next(each for each in near or others if len(each.stalls) == most)
            joined = Part(into.market, into.size + part.size, into.stalls + part.stalls)
            left = sorted([each for each in others if each is not into] + [joined], key=lambda each: each.market)
            moved.append((market, into.market))
    merged: dict[str, str] = {}
    for market, into in moved:
        for earlier in merged:
            if merged[earlier] == market:
                merged[earlier] = into
        merged[market] = into
    return left, merged


def whole(part: Part) -> list[tuple[Fraction, Fraction]]:
    """Each stall's y and x of all its trading days."""
    return [
        (Fraction(D * sum(y for y, _ in told), len(told)), Fraction(D * sum(x for _, x in told), len(told)))
        for D, told in part.stalls
    ]


def spread(values: Sequence[Fraction]) -> Fraction:
    if len(values) < 2:
        return Fraction()
    mean = sum(values, Fraction()) / len(values)
    return sum(((each - mean) ** 2 for each in values), Fraction()) / (len(values) - 1)


def variance(part: Part, R: Fraction) -> Fraction:
    N, n = part.size, len(part.stalls)
    between = spread([y - R * x for y, x in whole(part)])
    own = [spread([y - R * x for y, x in told]) if len(told) > 1 else None for _, told in part.stalls]
    known = [each for each in own if each is not None]
    if not known and any(len(told) < D for D, told in part.stalls):
        return N**2 * between / n
    mean = sum(known, Fraction()) / len(known) if known else Fraction()
    within = Fraction()
    for (D, told), each in zip(part.stalls, own, strict=True):
        r = len(told)
        within += Fraction(D**2) * (1 - Fraction(r, D)) * (mean if each is None else each) / r
    return N**2 * (1 - Fraction(n, N)) * between / n + Fraction(N, n) * within


def wilson(p: float, n: float) -> tuple[float, float]:
    z = 1.959964
    root = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (p + z * z / (2 * n) - root) / (1 + z * z / n), (p + z * z / (2 * n) + root) / (1 + z * z / n)


def clip(share: float) -> float:
    return min(1.0, max(0.0, share))
