"""Restating: which figures of a sealed area are not what they were, and why, from what was entered since."""

import json
from collections.abc import Sequence, Set
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import words
from payments import revision, sealed_figure, sealed_roll
from payments.area import Area
from payments.figure import DEFINITIONS_VERSION, Figure
from payments.indicator import Rated, Rates
from payments.revision import Seal
from payments.sealed_input import Input
from payments.sealed_roll import Rolls

REASONS = ("late notice", "late statement", "correction", "late report", "code change", "roll change", "definition")
# What each figure follows from, besides the roll and the definition.
_ENTRIES = {"late notice", "late statement", "correction"}
_REPORTS = {"late report", "corrected report"}
FOLLOWS = {
    "onboarded": set[str](),
    "acceptance": {"code change"},
    "verified_acceptance": {"late inspection"},
    "active_use": _ENTRIES,
    "count_share": _ENTRIES | _REPORTS | {"late observation", "corrected observation", "code change"},
    "value_share": _ENTRIES | _REPORTS | {"code change"},
    "cashless_value": _ENTRIES | {"code change"},
    "cashless_count": _ENTRIES | {"code change"},
    "bill_share": set[str](),
    "reconciled_share": _ENTRIES | {"matched"},
}
SAID = {
    "late inspection": "late report",
    "late observation": "late report",
    "corrected report": "correction",
    "corrected observation": "correction",
    "matched": "late statement",
}


class Change(NamedTuple):
    """A figure that says something else. `differs`: in which of its fields; `why`: REASONS.

    `shown`: what it was and is for those who may not see everything.
    """

    indicator: str
    was: float | int | None
    now: float | int | None
    why: tuple[str, ...]
    differs: tuple[str, ...]
    shown: tuple[float | int | None, float | int | None]

    def said(self) -> dict[str, Any]:
        """As a seal keeps it."""
        was, now = self.shown
        told = {"indicator": self.indicator, "was": self.was, "is": self.now, "why": list(self.why)}
        return {**told, "differs": list(self.differs), "shown": {"was": was, "is": now}}


def say(why: Sequence[str], language: str) -> str:
    """REASONS in the reader's language, as one line."""
    return ", ".join(words.say(f"seal.{each.replace(' ', '_')}", language) for each in why)


def find(
    reader: Session, was: Seal | None, told: Rates, shown: Rates, inputs: Sequence[Input], rolls: Rolls
) -> tuple[list[Change], dict[str, Sequence[Change]]] | None:
    """The area's own changes and its parts'. None: there was no seal, or everything is as it was."""
    if was is None:
        return None
    said = json.loads(was.document)
    before, seen = revision.read(was, "internal"), revision.read(was, "public")
    now = (told.whole, *told.parts)
    if not sealed_figure.any_differing((before.whole, *before.parts), now) and _same_definition(said):
        return None
    causes = _entered(reader, said, before.whole.area, told.whole.area)
    is_elsewhere = before.whole.area.spans != told.whole.area.spans
    causes |= {"roll change"} if is_elsewhere else _registered(reader, said, inputs, rolls)
    if not _same_definition(said):
        causes |= {"definition"}
    known = {_key(each.area): (each, other) for each, other in zip(_all(before), _all(seen), strict=True)}
    found = {}
    for rated, public in zip(now, _all(shown), strict=True):
        one, other = known.get(_key(rated.area), (None, None))
        found[_key(rated.area)] = [] if one is None or other is None else _changes(one, rated, other, public, causes)
    own = found.pop(_key(told.whole.area))
    return own, {key: several for key, several in found.items() if several}


def _changes(was: Rated, now: Rated, seen: Rated, shown: Rated, causes: Set[str]) -> list[Change]:
    public = {before.indicator: (before.value, after.value) for before, after in sealed_figure.pairs(seen, shown)}
    return [
        Change(after.indicator, before.value, after.value, _why(after, causes, fields), fields, public[after.indicator])
        for before, after in sealed_figure.pairs(was, now)
        if (fields := tuple(sealed_figure.differing(before, after)))
    ]


def _why(figure: Figure, causes: Set[str], fields: Sequence[str]) -> tuple[str, ...]:
    """Of what happened, what this figure follows from."""
    follows = FOLLOWS[figure.indicator] | {"roll change", "definition"}
    if "status" in fields:  # final or not hangs on how much is reconciled
        follows |= FOLLOWS["reconciled_share"]
    said = {SAID.get(each, each) for each in causes & follows or causes}
    return tuple(each for each in REASONS if each in said)


def _all(rates: Rates) -> tuple[Rated, ...]:
    return rates.whole, *rates.parts


def _key(area: Area) -> str:
    return f"{area.key}@{area.since}" if area.since else area.key


def _same_definition(said: dict[str, Any]) -> bool:
    return bool(said["definitions_version"] == DEFINITIONS_VERSION)


_SIDES = """
    SELECT id, notice_id, line_id, business_date, substr(credit, 7)::bigint AS stall_id FROM entry
    WHERE credit LIKE 'stall:%' AND {which}
    UNION ALL
    SELECT id, notice_id, line_id, business_date, substr(debit, 7)::bigint FROM entry
    WHERE debit LIKE 'stall:%' AND {which}
"""
_HERE = """JOIN stall s ON s.id = e.stall_id
        JOIN span ON span.market_id = s.market_id AND e.business_date BETWEEN span.first AND span.last"""
# An entry about a payment that was known before the seal corrects it.
_CAUSES = text(f"""
    WITH span AS (
        SELECT * FROM unnest(CAST(:markets AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
            AS s(market_id, first, last)
    ), late AS (
        SELECT DISTINCT e.notice_id, e.line_id FROM ({_SIDES.format(which="id > :entry")}) AS e {_HERE}
    ), paired AS (
        SELECT notice_id FROM match WHERE id > :match UNION SELECT notice_id FROM match WHERE undone_number > :undone
    )
    SELECT CASE
            WHEN EXISTS (SELECT FROM entry o
                WHERE o.notice_id = late.notice_id AND o.kind IN ('sale', 'held') AND o.id <= :entry)
            OR EXISTS (SELECT FROM entry o
                WHERE o.line_id = late.line_id AND o.kind IN ('sale', 'held') AND o.id <= :entry) THEN 'correction'
            WHEN notice_id IS NULL THEN 'late statement' ELSE 'late notice' END
    FROM late
    UNION
    SELECT 'matched' FROM ({_SIDES.format(which="notice_id IN (SELECT notice_id FROM paired)")}) AS e {_HERE}
    UNION
    SELECT CASE WHEN EXISTS (SELECT FROM cash_report o WHERE o.id <= :cash_report
            AND (o.market_id, o.business_date, o.stall_id, o.source)
                = (r.market_id, r.business_date, r.stall_id, r.source))
        THEN 'corrected report' ELSE 'late report' END
    FROM span JOIN cash_report r ON r.market_id = span.market_id AND r.business_date BETWEEN span.first AND span.last
    WHERE r.id > :cash_report
    UNION
    SELECT CASE WHEN EXISTS (SELECT FROM observation o WHERE o.id <= :observation
            AND (o.market_id, o.business_date, o.stall_id) = (r.market_id, r.business_date, r.stall_id))
        THEN 'corrected observation' ELSE 'late observation' END
    FROM span JOIN observation r ON r.market_id = span.market_id AND r.business_date BETWEEN span.first AND span.last
    WHERE r.id > :observation
    UNION
    SELECT 'late inspection' FROM span JOIN inspection r ON r.market_id = span.market_id
        AND r.inspected_on BETWEEN span.first AND span.last
    WHERE r.id > :inspection
    UNION
    SELECT 'late inspection' FROM span JOIN sample r ON r.market_id = span.market_id
        AND r.first <= span.last AND r.last >= span.first
    WHERE r.id > :sample
""")


def _entered(reader: Session, said: dict[str, Any], was: Area, now: Area) -> frozenset[str]:
    """What was added since to the journal, the reports and the rounds of these market-days."""
    spans = sorted({*was.spans, *now.spans})
    return frozenset(reader.execute(_CAUSES, {**sealed_roll.columns(spans), **said["mark"]}).scalars())


def _registered(reader: Session, said: dict[str, Any], inputs: Sequence[Input], rolls: Rolls) -> frozenset[str]:
    """What is not as it was of the markets' stalls and of their codes."""
    before = {each["market"]: each for each in said["inputs"]}
    if before.keys() != {each.market for each in inputs}:
        return frozenset({"roll change"})
    found: set[str] = set()
    for each in inputs:
        was = before[each.market]
        if was["ward"] != each.ward:
            found.add("roll change")
        if was["roll"] != each.roll:
            kept = revision.roll(reader, was["roll"])
            found |= sealed_roll.differing(kept, rolls[each.market].decode())
    return frozenset(found)
