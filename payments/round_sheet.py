"""The round sheet: the paper a field helper takes to the stalls of a sample, to count how customers pay."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import paper, words
from ground.refusal import Refusal
from merchants.roll_cell import show
from payments.sample import Sample

_NUMBER = re.compile(r"(\d+)")


class Visit(NamedTuple):
    """A stall to visit, and what tells one that one has found it."""

    stall: str
    section: str | None
    goods: str | None
    merchant: str | None


# What the roll says of the stall on its last trading day in the period.
_VISITS = text("""
    SELECT DISTINCT ON (s.id) s.number, state.section, state.goods, m.name
    FROM stall s
    JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL AND state.status = 'trading'
        AND state.since <= :last AND (state.until IS NULL OR state.until > :first)
    LEFT JOIN merchant m ON m.id = state.merchant_id
    WHERE s.id = ANY(:stalls) ORDER BY s.id, state.since DESC
""")
_MARKET = text("SELECT name FROM market WHERE id = :market")


def pdf(session: Session, drawn: Sample, helpers: int, moment: datetime) -> bytes:
    """Portrait A4, a round for each of so many helpers, in Vietnamese."""
    return paper.pdf("round_sheet", content(session, drawn, helpers), moment)


def content(session: Session, drawn: Sample, helpers: int) -> dict[str, Any]:
    """What the template is filled with. Refuses more helpers than there are stalls to visit."""
    if not 1 <= helpers <= drawn.size:
        raise Refusal("sample.helpers", helpers=helpers, size=drawn.size)
    market = session.execute(_MARKET, {"market": drawn.market_id}).scalar_one()
    title = words.say("sample.sheet.title", market=market)
    rounds = share_out(visits(session, drawn), helpers)
    return {
        "title": title,
        "author": words.say("page.name"),
        "words": {name.rpartition(".")[2]: words.say(name) for name in words.book("vi") if _is_label(name)},
        "drawn": words.say(
            "sample.sheet.drawn",
            number=drawn.key,
            size=drawn.size,
            frame=len(drawn.frame),
            days=_days(drawn.first, drawn.last),
            seed=drawn.seed,
        ),
        "rounds": [_round(each, number, len(rounds)) for number, each in enumerate(rounds, 1)],
    }


def visits(session: Session, drawn: Sample) -> list[Visit]:
    """The drawn stalls in the order one walks: by section, then by number (A2 before A10)."""
    days = {"stalls": drawn.stall_ids, "first": drawn.first, "last": drawn.last}
    known = {row[0]: Visit(*row) for row in session.execute(_VISITS, days)}
    found = [known.get(stall) or Visit(stall, None, None, None) for stall in drawn.drawn]
    return sorted(found, key=lambda visit: (_in_order(visit.section or ""), _in_order(visit.stall)))


def share_out(found: Sequence[Visit], helpers: int) -> list[list[Visit]]:
    """Neighbouring stalls to one helper; nobody has more than one stall more than another."""
    ends = [len(found) * number // helpers for number in range(helpers + 1)]
    return [list(found[first:end]) for first, end in pairwise(ends)]


def _round(found: Sequence[Visit], number: int, helpers: int) -> dict[str, Any]:
    return {
        "name": words.say("sample.sheet.round", number=number, helpers=helpers, stalls=len(found)),
        "visits": [
            {
                "stall": visit.stall,
                "section": visit.section or "",
                "about": " · ".join(part for part in (visit.merchant, visit.goods) if part),
            }
            for visit in found
        ],
    }


def _is_label(name: str) -> bool:
    return name.startswith("sample.sheet.label.")


def _days(first: date, last: date) -> str:
    return show(first) if first == last else f"{show(first)} – {show(last)}"


def _in_order(name: str) -> list[tuple[int, int, str]]:
    """Numbers by their size, words by their letters."""
    parts = (part for part in _NUMBER.split(name) if part)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts]
