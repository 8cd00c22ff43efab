"""The shares that rest on evidence, as figures: what is enough, which evidence counts, what is to be said of it."""

from collections.abc import Sequence
from dataclasses import replace

from payments import estimate, figure, suppression
from payments.estimate import Ratio
from payments.evidence import Known, Told
from payments.figure import Figure, Remark
from payments.proportion import Inspected, proportion
from payments.stratum import Stratum

REPORTERS_MIN = 5
COVERAGE_PERCENT_MIN = 5
OBSERVED_MIN = 5
SMALL_SAMPLE = 20
SOURCES = ("declared", "booked", "observed")


def of_value(known: Sequence[Known]) -> Figure:
    """Cashless đồng of all đồng, from what stalls declared or booked."""
    return _of_connected("value_share", known, [each.evidence.values for each in known])


def of_count(known: Sequence[Known]) -> Figure:
    """Cashless purchases of all: as observed where at least 5 stalls were, else as declared or booked."""
    if not _is_observed(known):
        return _of_connected("count_share", known, [each.evidence.purchases for each in known])
    told = [each.evidence.observed for each in known]
    picked = sum(each.evidence.picked for each in known)
    remarks = [Remark("share.picked", {"count": picked})] if picked else []
    strata = [Stratum(each.market, each.stalls, each.evidence.observed.reporters, each.ward) for each in known]
    return replace(_figure("count_share", strata, told, "stratified ratio", remarks), population="all stalls")


def of_inspections(known: Sequence[Known]) -> Figure:
    """Drawn stalls whose code was scanned on site and found genuine and live, of the drawn stalls inspected."""
    size = sum(each.stalls for each in known)
    markets = [Inspected(each.market, each.stalls, each.evidence.inspected, each.evidence.genuine) for each in known]
    anything = any(each.inspected for each in markets)
    found = proportion(markets)
    n, sources = found.n if found else 0, ("inspections",) if anything else ()
    remarks = (Remark("share.left_out", {"markets": ", ".join(found.left_out)}),) if found and found.left_out else ()
    reason = _too_little(n, size, anything=anything, nothing="figure.no_inspections")
    if found is None or reason:
        lacking = reason or "share.too_few"
        missing = figure.missing("verified_acceptance", lacking, n=n, size=size, sources=sources, method="drawn sample")
        return replace(missing, remarks=remarks)
    told = (found.value, found.low, found.high, found.genuine, n, n, size, n / size)
    made = Figure("verified_acceptance", *told, sources, "drawn sample", "provisional")
    return replace(made, least=found.least, most=found.most, remarks=remarks)


def tells_too_much(shown: Figure, known: Sequence[Known]) -> bool:
    """Whether what a single stall took or sold could be worked out from the share's own parts, Y or X."""
    if shown.value is None:
        return False
    reporters = [reporter for told in _evidence_of(shown.indicator, known) for reporter in told.reporters]
    parts = (reporter.y for reporter in reporters), (reporter.x for reporter in reporters)
    return any(suppression.is_suppressed(suppression.contribution(part)) for part in parts)


def leaves_too_few(shown: Figure, known: Sequence[Known], sellers: int) -> bool:
    """Whether the level less the share's own part would tell what the one or two stalls took that report nothing."""
    if shown.value is None or "observed" in shown.sources:
        return False
    told = _evidence_of(shown.indicator, known)
    reporting = sum(reporter.y != 0 for each in told for reporter in each.reporters)
    return 0 < sellers - reporting < suppression.CONTRIBUTORS_MIN


def _evidence_of(indicator: str, known: Sequence[Known]) -> list[Told]:
    if indicator == "value_share":
        return [each.evidence.values for each in known]
    if _is_observed(known):
        return [each.evidence.observed for each in known]
    return [each.evidence.purchases for each in known]


def _is_observed(known: Sequence[Known]) -> bool:
    return sum(each.evidence.observed.stalls for each in known) >= OBSERVED_MIN


def _of_connected(indicator: str, known: Sequence[Known], told: Sequence[Told]) -> Figure:
    """Only connected stalls have a y. Who declares or shows her books was not drawn by lot: a volunteer."""
    under = sum(each.under for each in told)
    remarks = [Remark("share.under_receipts", {"count": under})] if under else []
    strata = [
        Stratum(each.market, each.connected, said.reporters, each.ward) for each, said in zip(known, told, strict=True)
    ]
    method = "volunteers" if any(each.sources for each in told) else "stratified ratio"
    stalls, connected = sum(each.stalls for each in known), sum(each.connected for each in known)
    made = _figure(indicator, strata, told, method, remarks)
    return replace(made, population="connected stalls", connected=connected / stalls if stalls else None)


def _figure(
    indicator: str, strata: Sequence[Stratum], told: Sequence[Told], method: str, remarks: Sequence[Remark]
) -> Figure:
    n, size = sum(len(each.reporters) for each in strata), sum(each.size for each in strata)
    found = frozenset(source for each in told for source in each.sources)
    sources = tuple(source for source in SOURCES if source in found)
    reason = _too_little(n, size, anything=any(each.stalls for each in told))
    ratio = None if reason else estimate.ratio(strata)
    if ratio is None or ratio.value is None:
        lacking = reason or ("share.no_stratum" if ratio is None else "figure.no_sales")
        missing = figure.missing(indicator, lacking, n=n, size=size, sources=sources, method=method)
        return replace(missing, remarks=tuple(remarks))
    return Figure(
        indicator,
        ratio.value,
        ratio.low,
        ratio.high,
        round(ratio.Y),
        round(ratio.X),
        n,
        size,
        n / size,
        sources,
        method,
        "provisional",
        "share.small_sample" if n < SMALL_SAMPLE and not ratio.is_census else None,
        remarks=(*_merged(ratio), *remarks),
    )


def _too_little(n: int, size: int, *, anything: bool, nothing: str = "figure.no_cash_known") -> str | None:
    """docs/indicators.md, "Coverage and status": what makes an estimated share insufficient."""
    if not anything or size == 0:
        return nothing
    if n < REPORTERS_MIN and n < size:
        return "share.too_few"
    return "share.too_little" if n * 100 < size * COVERAGE_PERCENT_MIN else None


def _merged(ratio: Ratio) -> tuple[Remark, ...]:
    """Which markets were too thin to stand for themselves, by what they were merged into."""
    targets = dict.fromkeys(ratio.merged[market] for market in sorted(ratio.merged))
    return tuple(
        Remark(
            "share.merged",
            {
                "markets": ", ".join(market for market in sorted(ratio.merged) if ratio.merged[market] == into),
                "into": into,
            },
        )
        for into in targets
    )
