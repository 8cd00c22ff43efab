"""The proof of the seals: the chain is whole, and every sealed figure follows from what the books were then."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text
from sqlmodel import Session, select

from payments import revision, sealed_basis, sealed_figure, sealed_input, sealed_roll
from payments.area import Place
from payments.figure import DEFINITIONS_VERSION, Figure
from payments.indicator import Rated
from payments.revision import Seal
from payments.sealed_input import Mark
from payments.sealed_roll import Reach

HIDDEN = ("value", "low", "high", "numerator", "denominator", "least", "most", "status", "reason", "remarks")
"""The fields of a figure that is not shown, and of one whose being final may not be told."""


class Proved(NamedTuple):
    seals: int
    differences: list[str]


def prove(connection: Connection) -> Proved:
    """Every seal there is, over the connection's snapshot. One of older definitions by digest and chain only."""
    session = Session(connection)
    seals = session.exec(select(Seal).order_by(text("number"))).all()
    found = [*_chain(seals), *_audited(connection, seals), *_rolls(connection)]
    readable = [each for each in seals if _said(each) is not None]
    found += _entries(connection, readable)
    current = [each for each in readable if json.loads(each.document)["definitions_version"] == DEFINITIONS_VERSION]
    found += [difference for each in current for difference in _shown(each)]
    found += _recount(connection, current)
    return Proved(len(seals), [f"a seal says what the books said: {each}" for each in found])


def name(seal: Seal) -> str:
    return f"seal {seal.number} ({seal.area}, {seal.period}, revision {seal.revision})"


def _chain(seals: Sequence[Seal]) -> Iterator[str]:
    """Each is what was hashed, follows the one before, and bears beside its document what that says."""
    number, digest = 0, None
    for each in seals:
        if each.number != number + 1:
            yield f"seal {number + 1} is missing, the next is {each.number}"
        elif each.previous != digest:
            yield f"{name(each)} does not follow seal {number}"
        if hashlib.sha256(each.document.encode()).digest() != each.digest:
            yield f"{name(each)} is not what was written"
        said = _said(each)
        if said is None or not revision.columns(each).items() <= said.items():
            yield f"{name(each)} stands beside a document that says otherwise"
        number, digest = each.number, each.digest


def _said(seal: Seal) -> dict[str, Any] | None:
    """What the document says; None where somebody has made it unreadable."""
    try:
        said: dict[str, Any] = json.loads(seal.document)
        revision.read(seal, "internal")
        Mark(**said["mark"])
        return said if {"inputs", "entries"} <= said.keys() else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _audited(connection: Connection, seals: Sequence[Seal]) -> Iterator[str]:
    """The audit knows of each seal, so that none at the chain's end is taken away unseen."""
    query = text("SELECT after ->> 'number', after ->> 'sha256' FROM audit WHERE what = 'seal' ORDER BY number")
    written = {int(number): digest for number, digest in connection.execute(query)}
    there = {each.number: each.digest.hex() for each in seals}
    for number in sorted(written.keys() | there.keys()):
        if number not in there:
            yield f"seal {number} was made and is gone"
        elif number not in written:
            yield f"seal {number} was made without a record"
        elif written[number] != there[number]:
            yield f"seal {number} is not the one that was recorded"


_SPOILED = text("""
    SELECT encode(digest, 'hex') FROM seal_roll WHERE sha256(convert_to(content, 'UTF8')) <> digest ORDER BY digest
""")
_ROLLS = text("SELECT encode(digest, 'hex'), content FROM seal_roll WHERE encode(digest, 'hex') = ANY(:digests)")


def _rolls(connection: Connection) -> Iterator[str]:
    return (f"roll {digest} is not what was kept" for digest in connection.execute(_SPOILED).scalars())


_COUNT = text("""
    SELECT count(*) FROM entry WHERE id > :first AND id <= :last
""")


def _entries(connection: Connection, seals: Sequence[Seal]) -> Iterator[str]:
    """There are as many entries up to each seal as there were."""
    first, counted = 0, 0
    for each in seals:
        said = json.loads(each.document)
        last = said["mark"]["entry"]
        counted += connection.execute(_COUNT, {"first": first, "last": last}).scalar_one()
        if counted != said["entries"]:
            yield f"{name(each)}: {said['entries']} entries up to number {last} then, {counted} now"
        first = last


def _shown(seal: Seal) -> Iterator[str]:
    """What is shown is what was counted, or hidden."""
    told, shown = revision.read(seal, "internal"), revision.read(seal, "public")
    for rated, public in zip((told.whole, *told.parts), (shown.whole, *shown.parts), strict=True):
        for figure, seen in sealed_figure.pairs(rated, public):
            may = HIDDEN if seen.status == "suppressed" else ("status",)
            if set(sealed_figure.differing(figure, seen)) - set(may):
                yield f"{name(seal)}, {rated.area.key}: {figure.indicator} is shown as another figure"


def _recount(connection: Connection, seals: Sequence[Seal]) -> list[str]:
    """Each seal's figures and inputs anew, from entries and reports up to its numbers and from the rolls it kept."""
    reaches = {each.number: sealed_roll.reaches([revision.read(each, "internal").whole.area]) for each in seals}
    everywhere = [reach for several in reaches.values() for reach in several]
    if not everywhere:
        return []
    found: list[str] = []
    with sealed_basis.opened(connection.engine, everywhere) as basis:
        for each in seals:
            said = json.loads(each.document)
            asked = {"digests": [place["roll"] for place in said["inputs"]]}
            kept = {row[0]: row[1] for row in connection.execute(_ROLLS, asked)}
            lacking = [place["code"] for place in said["inputs"] if place["roll"] not in kept]
            if lacking:
                found.append(f"{name(each)}: the roll of {', '.join(lacking)} is gone")
                continue
            rolls = {place["market"]: kept[place["roll"]] for place in said["inputs"]}
            sealed_basis.lay(basis, Mark(**said["mark"]), reaches[each.number], rolls)
            found += [f"{name(each)}{tail}" for tail in _differences(basis, each, said, reaches[each.number])]
    return found


def _differences(basis: Connection, seal: Seal, said: dict[str, Any], wanted: Sequence[Reach]) -> Iterator[str]:
    told = revision.read(seal, "internal")
    areas = [told.whole, *told.parts]
    places = {each["market"]: Place(each["code"], each["ward"]) for each in said["inputs"]}
    k = next(figure.k for figure in told.whole.figures if figure.indicator == "active_use") or 1
    counted = sealed_basis.count(basis, [each.area for each in areas], places, k)
    for rated, figures in zip(areas, counted, strict=True):
        yield from _changed(rated, figures)
    takings, evidence = sealed_input.digests(basis, wanted)
    for each in said["inputs"]:
        market = each["market"]
        if takings[market] != each["takings"]:
            yield f", market {each['code']}: its stalls' days of {told.period.text} are not what they were"
        if evidence[market] != each["evidence"]:
            yield f", market {each['code']}: its reports of {told.period.text} are not what they were"


def _changed(rated: Rated, counted: Iterable[Figure]) -> Iterator[str]:
    """`final` is a matter of the seal, not of the figure."""
    for sealed, figure in sealed_figure.pairs(rated, rated._replace(figures=tuple(counted))):
        status = {"status"} if (sealed.status, figure.status) == ("final", "provisional") else set()
        for field in sealed_figure.differing(sealed, figure):
            if field not in status:
                was, now = getattr(sealed, field), getattr(figure, field)
                yield f", {rated.area.key}: {sealed.indicator} was sealed with {field} {was}, is {now}"
