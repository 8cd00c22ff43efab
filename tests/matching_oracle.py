"""A brute-force matcher, written from the published rules: every matching of a handful of facts is looked at.

Facts are of one account. A day is the business day; times are local. What the rules leave open (which of several
equally near facts are paired) may follow `chosen`, the pairs of whoever is examined, if those are among the best.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import product
from math import inf
from typing import NamedTuple

from tests.bank_fact import Stated, Told

HALF_HOUR = timedelta(minutes=30)
FAR = 48 * 3600
"""Seconds to a line without a time: as far from each, and farther than anything with a time."""
Pair = tuple[str, str]
"""The names of a notice and a line."""
Edge = tuple[int, int]
"""The places of a notice and a line that a rule holds possible for each other."""
Matching = frozenset[Edge]


class Matched(NamedTuple):
    """rules: by (notice, line). ties: by line, the notices among which can't be told."""

    rules: dict[Pair, str]
    ties: dict[str, frozenset[str]]


class Free:
    """What no rule has taken yet."""

    def __init__(self, told: Sequence[Told], stated: Sequence[Stated], chosen: Collection[Pair]) -> None:
        self.told, self.stated, self.chosen = list(told), list(stated), chosen
        self.rules: dict[Pair, str] = {}
        self.ties: dict[str, frozenset[str]] = {}

    def take(self, rule: str, pairs: Iterable[tuple[Told, Stated]]) -> None:
        for notice, line in list(pairs):
            self.rules[notice.name, line.name] = rule
            self.told.remove(notice)
            self.stated.remove(line)

    def tie(self, notices: Collection[Told], lines: Collection[Stated]) -> None:
        for line in lines:
            self.ties[line.name] = frozenset(notice.name for notice in notices)
        self.told = [each for each in self.told if each not in notices]
        self.stated = [each for each in self.stated if each not in lines]


def match(told: Sequence[Told], stated: Sequence[Stated], chosen: Collection[Pair] = ()) -> Matched:
    """The pairs with their rules, and the ties, by the rules in their order."""
    free = Free(told, stated, chosen)
    _by_reference(free)
    _by_other_amount(free, told, stated)
    _by_batch(free, stated)
    _by_memo(free)
    for key in ("virtual", "tokens", None):
        rule = {"virtual": "virtual_account", "tokens": "token", None: "time"}[key]
        for near in (_same_day,) if key == "tokens" else (_within_half_an_hour, _dated_same_day, _dated_later):
            _by_nearness(free, rule, key, near)
    for line, parts in _parts(free, stated).items():
        if len(parts) > 1 and line.given is None:
            free.ties[line.name] = frozenset(notice.name for notice in parts)
    return Matched(free.rules, free.ties)


def _may_show(notice: Told, line: Stated) -> bool:
    """The bank may show it on the line's day."""
    return (notice.at - HALF_HOUR).date() <= line.day <= notice.last_day


def _plain(reference: str | None) -> str | None:
    return reference and reference.strip().upper()


def _mutual(edges: Iterable[tuple[Told, Stated]]) -> Iterator[tuple[Told, Stated]]:
    """The pairs of which either half has no other."""
    found = list(edges)
    notices, lines = Counter(notice for notice, _ in found), Counter(line for _, line in found)
    return ((notice, line) for notice, line in found if notices[notice] == lines[line] == 1)


Key = Callable[[Told | Stated], tuple[object, ...]]


def _by_reference(free: Free) -> None:
    _by_key(free, free.told, free.stated, lambda fact: (_plain(fact.reference), fact.amount))


def _by_other_amount(free: Free, told: Sequence[Told], stated: Sequence[Stated]) -> None:
    _by_key(free, told, stated, lambda fact: (_plain(fact.reference),))


def _by_key(free: Free, told: Sequence[Told], stated: Sequence[Stated], key: Key) -> None:
    """What two notices or two lines of one day bear names neither of them, nor what either of them could be."""
    ours, theirs = (Counter((key(each), each.day) for each in facts) for facts in (told, stated))
    twins = [notice for notice in told if ours[key(notice), notice.day] > 1]
    doubled = [line for line in stated if theirs[key(line), line.day] > 1]
    named = _mutual(
        (notice, line)
        for notice, line in product(free.told, free.stated)
        if _plain(notice.reference) and key(notice) == key(line) and _may_show(notice, line)
        if notice not in twins and line not in doubled
    )
    free.take(
        "reference",
        [
            (notice, line)
            for notice, line in named
            if not any(key(other) == key(line) and _may_show(other, line) for other in twins)
            if not any(key(other) == key(notice) and _may_show(notice, other) for other in doubled)
        ],
    )


def _by_batch(free: Free, stated: Sequence[Stated]) -> None:
    """A line for all notices that bear its reference, where they add up to it; never some of them."""
    whole = {
        line: notices
        for line, notices in _parts(free, stated).items()
        if len(notices) > 1 and sum(notice.amount for notice in notices) == line.amount
    }
    named = Counter(notice for notices in whole.values() for notice in notices)
    for line, notices in whole.items():
        if all(named[notice] == 1 for notice in notices):
            free.rules |= {(notice.name, line.name): "batch" for notice in notices}
            free.told = [each for each in free.told if each not in notices]
            free.stated.remove(line)


def _parts(free: Free, stated: Sequence[Stated]) -> dict[Stated, list[Told]]:
    """The notices that bear a line's reference, where no other line of its day does."""
    theirs = Counter((_plain(each.reference), each.day) for each in stated)
    return {
        line: [
            notice
            for notice in free.told
            if notice.reference and _plain(notice.reference) == _plain(line.reference) and _may_show(notice, line)
        ]
        for line in free.stated
        if theirs[_plain(line.reference), line.day] == 1
    }


def _names(reference: str | None) -> set[str]:
    """The whole of a reference, and the longest word of it that could be a bank's number."""
    whole = _plain(reference)
    if not whole:
        return set()
    words = [word for word in re.split("[^A-Z0-9]+", whole) if len(word) >= 8 and sum(map(str.isdigit, word)) >= 6]
    return {whole, max(words, key=len, default=whole)}


def _by_memo(free: Free) -> None:
    """With an equal amount first; then, what only each other mention, with another."""
    for equal in (True, False):
        mentioned = _mutual(
            (notice, line)
            for notice, line in product(free.told, free.stated)
            if _names(notice.reference) & line.mentions or _names(line.reference) & notice.mentions
            if _may_show(notice, line) and (notice.amount == line.amount or not equal)
        )
        free.take("memo", [(notice, line) for notice, line in mentioned if (notice.amount == line.amount) == equal])


Near = Callable[[Told, Stated], bool]


def _within_half_an_hour(notice: Told, line: Stated) -> bool:
    return line.at is not None and abs(notice.at - line.at) <= HALF_HOUR


def _same_day(notice: Told, line: Stated) -> bool:
    return notice.day == line.day


def _dated_same_day(notice: Told, line: Stated) -> bool:
    return line.at is None and notice.day == line.day


def _dated_later(notice: Told, line: Stated) -> bool:
    return line.at is None and notice.day < line.day <= notice.last_day


def _by_nearness(free: Free, rule: str, key: str | None, near: Near) -> None:
    """A line that a person gave to a stall is first a notice of that stall; then come the lines that nobody decided,
    and the doubts about them; then what the decided ones could be besides."""
    _solve(free, rule, key, near, lambda notice, line: line.given is not None and line.given == notice.stall)
    _solve(free, rule, key, near, lambda _, line: line.given is None)
    _solve(free, rule, key, near, lambda _, line: line.given is not None)


def _solve(free: Free, rule: str, key: str | None, near: Near, layer: Near) -> None:
    told, stated = list(free.told), list(free.stated)
    edges = [
        (ours, theirs)
        for (ours, notice), (theirs, line) in product(enumerate(told), enumerate(stated))
        if notice.amount == line.amount and near(notice, line) and _agree(notice, line) and layer(notice, line)
        if key is None or (getattr(notice, key) and getattr(notice, key) == getattr(line, key))
    ]
    for component in _components(edges):
        every = _matchings(component)
        for ours, theirs in _ties(told, stated, component, every):
            free.tie([told[place] for place in ours], [stated[place] for place in theirs])
        best = _best(told, stated, every, free.chosen)
        pairs = [(told[ours], stated[theirs]) for ours, theirs in best]
        free.take(rule, [pair for pair in pairs if pair[0] in free.told and pair[1] in free.stated])


def _agree(notice: Told, line: Stated) -> bool:
    """Neither the tokens nor the virtual accounts say otherwise, nor a person: who gave the line to a stall knew of no
    notice that names another one than the line itself."""
    if notice.tokens and line.tokens and notice.tokens != line.tokens:
        return False
    if notice.virtual and line.virtual and notice.virtual != line.virtual:
        return False
    return line.given is None or notice.stall in (line.given, line.stall)


def _components(edges: Iterable[Edge]) -> Iterator[list[Edge]]:
    left = dict.fromkeys(edges)
    while left:
        found = [left.popitem()[0]]
        for ours, theirs in found:  # grows meanwhile
            for edge in [each for each in left if each[0] == ours or each[1] == theirs]:
                found.append(edge)
                del left[edge]
        yield found


def _matchings(edges: Sequence[Edge]) -> list[Matching]:
    """All with as many pairs as there can be."""
    notices = sorted({ours for ours, _ in edges})

    def extend(place: int, pairs: Matching) -> Iterator[Matching]:
        if place == len(notices):
            yield pairs
            return
        yield from extend(place + 1, pairs)
        taken = {theirs for _, theirs in pairs}
        for edge in edges:
            if edge[0] == notices[place] and edge[1] not in taken:
                yield from extend(place + 1, pairs | {edge})

    every = list(extend(0, frozenset()))
    most = max(map(len, every))
    return [pairs for pairs in every if len(pairs) == most]


def _ties(
    told: Sequence[Told], stated: Sequence[Stated], edges: Sequence[Edge], every: Sequence[Matching]
) -> Iterator[tuple[set[int], set[int]]]:
    """Where another choice of as many pairs leaves over something of another stall or day: notices and lines whose
    part in it can't be told."""
    for side, facts in ((0, told), (1, stated)):
        left = [{edge[side] for edge in edges} - {edge[side] for edge in pairs} for pairs in every]
        loose = set().union(*left)
        for part in _components(edge for edge in edges if edge[side] in loose):
            ours, theirs = {edge[0] for edge in part}, {edge[1] for edge in part}
            outcomes = {_outcome(facts, alone & (ours, theirs)[side]) for alone in left}
            if len(outcomes) > 1 and not any(stated[place].given for place in theirs):
                yield ours, theirs


def _outcome(facts: Sequence[Told] | Sequence[Stated], alone: Iterable[int]) -> tuple[tuple[str, date], ...]:
    """The stalls and days of what is left over."""
    return tuple(sorted((facts[place].owner or "", facts[place].day) for place in alone))


def _best(
    told: Sequence[Told], stated: Sequence[Stated], every: Sequence[Matching], chosen: Collection[Pair]
) -> Matching:
    """The nearest; of equally near ones those of the earlier facts; of those, where it is the same, the chosen."""

    def worth(pairs: Matching) -> tuple[int, list[datetime], list[tuple[float, date]]]:
        apart = sum(_apart(told[ours], stated[theirs]) for ours, theirs in pairs)
        lines = [stated[place] for _, place in pairs]
        when = sorted((line.at.timestamp() if line.at else inf, line.day) for line in lines)
        return apart, sorted(told[ours].at for ours, _ in pairs), when

    def is_chosen(pairs: Matching) -> int:
        return sum((told[ours].name, stated[theirs].name) in chosen for ours, theirs in pairs)

    least = min(map(worth, every))
    return max((pairs for pairs in every if worth(pairs) == least), key=is_chosen)


def _apart(notice: Told, line: Stated) -> int:
    return FAR if line.at is None else abs(round((notice.at - line.at).total_seconds()))
