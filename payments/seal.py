"""Sealing: the figures of an area and a finished period as they are now, hashed, chained and never changed again."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from time import monotonic, sleep
from typing import Any, NamedTuple

import rfc8785
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from ground import audit, clock
from ground.refusal import Refusal
from ground.store import Store
from payments import (
    area,
    indicator,
    kept,
    period,
    reconciliation,
    replay,
    restatement,
    revision,
    sealed_figure,
    sealed_input,
    sealed_roll,
)
from payments.figure import DEFINITIONS_VERSION
from payments.indicator import Rated, Rates
from payments.period import Period
from payments.restatement import Change
from payments.revision import Seal, SealRoll
from payments.sealed_input import Input, Mark
from payments.sealed_roll import Rolls

LOCK = 4_000_010  # an advisory lock: one sealing at a time adds to the chain
PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.05
RECONCILED_MIN = 0.99
FROM_RECEIPTS = (*indicator.FROM_TAKINGS, "active_use")
TOLD_BY = {"cashless_value": {"value"}, **indicator.TELLS}
# What figures rest on, in the order in which others write to several of these. Whoever is writing to one has to be done
# before the books are read. After a second PostgreSQL sends away an autovacuum that is in the way; then we give way.
_WRITTEN = "stall_state, code, cash_report, observation, sample, inspection, entry, match"
_STAND_STILL = (text("SET LOCAL lock_timeout = '1500ms'"), text(f"LOCK TABLE {_WRITTEN} IN SHARE MODE"))


class Sealed(NamedTuple):
    """The last revision. `is_new`: it was made now; otherwise nothing had changed since."""

    revision: int
    sha256: str
    previous: str | None
    changes: Sequence[Change]
    parts: dict[str, Sequence[Change]]
    is_new: bool


class Reading(NamedTuple):
    """Everything that a seal says of the books, read from one snapshot."""

    mark: Mark
    entries: int
    told: Rates
    shown: Rates
    inputs: list[Input]
    rolls: Rolls

    @property
    def areas(self) -> list[tuple[Rated, Rated]]:
        return list(zip((self.told.whole, *self.told.parts), (self.shown.whole, *self.shown.parts), strict=True))


def seal(store: Store, area_key: str, period_text: str, *, by: str) -> Sealed:
    """Seal an area's period, after posting what is kept. Payments go on arriving and being posted meanwhile.

    Refuses an unknown area (404), an unknown period and one that is not over (409).
    """
    asked = period.parse(period_text)
    asked.counted_until(clock.now())
    if not asked.complete(clock.now()):
        raise Refusal("seal.unfinished", status=409, period=asked.text, last=asked.last)
    replay.replay(store)
    with store.session() as writer, store.session() as reader:
        writer.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        before = writer.exec(select(Seal).order_by(col(Seal.number).desc()).limit(1)).first()
        was = revision.latest(writer, area_key, asked.text)
        with _standing_still(writer):
            reader.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            mark = sealed_input.mark(reader.connection())
        made = _read(reader, area_key, asked, mark, before)
        changes = restatement.find(reader, was, made.told, made.shown, made.inputs, made.rolls)
        if was is not None and changes is None:
            return Sealed(was.revision, was.digest.hex(), _hex(was.previous), (), {}, is_new=False)
        own, parts = changes or ((), {})
        row = _write(writer, made, before, was, own, parts, by)
        stated = {"period": asked.text, "revision": row.revision, "number": row.number, "sha256": row.digest.hex()}
        audit.record(writer, by, "seal", after=stated, subject=area_key, at=row.sealed_at)
        writer.commit()
    return Sealed(row.revision, row.digest.hex(), _hex(row.previous), own, parts, is_new=True)


@contextmanager
def _standing_still(writer: Session) -> Iterator[None]:
    """Nobody is posting, matching or recording, so that no smaller number can come later. Ends with the savepoint."""
    until = monotonic() + PATIENCE_SECONDS
    while True:
        savepoint = writer.begin_nested()
        try:
            writer.execute(_STAND_STILL[0])
            reconciliation.hold(writer)
            writer.execute(_STAND_STILL[1])
            break
        except OperationalError:  # somebody writes for longer
            savepoint.rollback()
            if monotonic() > until:
                raise Refusal("seal.busy", status=409) from None
            sleep(PAUSE_SECONDS)
    try:
        yield
    finally:
        savepoint.rollback()


def _read(reader: Session, area_key: str, asked: Period, mark: Mark, before: Seal | None) -> Reading:
    moment = clock.now()
    told = indicator.rates(reader, area_key, asked.text, audience="internal", as_of=moment)
    shown = indicator.rates(reader, area_key, asked.text, audience="public", as_of=moment)
    connection = reader.connection()
    wanted = sealed_roll.reaches([told.whole.area])
    rolls = sealed_roll.read(connection, wanted)
    drawn = area.draw(reader, asked.first, asked.last, "period", clock.business_date(moment))
    inputs = sealed_input.read(connection, wanted, rolls, area.places(drawn))
    return Reading(mark, _entries(reader, mark, before), _finish(told), _finish(shown), inputs, rolls)


def _entries(reader: Session, mark: Mark, before: Seal | None) -> int:
    """How many there are up to the mark, counted on from the seal before."""
    first, known = 0, 0
    if before is not None:
        said = json.loads(before.document)
        first, known = said["mark"]["entry"], said["entries"]
    query = text("SELECT count(*) FROM entry WHERE id > :first AND id <= :last")
    return known + int(reader.execute(query, {"first": first, "last": mark.entry}).scalar_one())


def _finish(told: Rates) -> Rates:
    return told._replace(whole=_settle(told.whole), parts=tuple(_settle(each) for each in told.parts))


def _settle(rated: Rated) -> Rated:
    """What is final. Who may not see how much is reconciled is not told by the status either."""
    reconciled = next(each.value for each in rated.figures if each.indicator == "reconciled_share")
    sure = reconciled is not None and reconciled >= RECONCILED_MIN
    figures = tuple(
        replace(each, status="final")
        if each.status == "provisional"
        and (sure or each.indicator not in FROM_RECEIPTS or each.sources == ("observed",))
        else each
        for each in rated.figures
    )
    return rated._replace(figures=figures)


def _write(
    writer: Session,
    made: Reading,
    before: Seal | None,
    was: Seal | None,
    changes: Sequence[Change],
    parts: dict[str, Sequence[Change]],
    by: str,
) -> Seal:
    rolls = [{"digest": sealed_roll.digest(roll), "content": roll.decode()} for roll in made.rolls.values()]
    if rolls:
        writer.execute(insert(SealRoll).on_conflict_do_nothing(), rolls)
    told, hidden = made.told, _hidden(made.shown)
    bound = made.shown.disclosure.kept(told.whole.area.spans) if made.shown.disclosure else {}
    row = Seal(
        number=before.number + 1 if before else 1,
        area=told.whole.area.key,
        period=told.period.text,
        revision=was.revision + 1 if was else 1,
        first=told.period.first,
        last=told.period.last,
        sealed_at=told.as_of,
        hidden=hidden,
        kept=kept.dump(bound),
        shown=_shown(made.shown),
        document="",
        previous=before.digest if before else None,
        digest=b"",
    )
    said = _say(row, told.as_of, by) | {
        "mark": made.mark._asdict(),
        "entries": made.entries,
        "inputs": [each._asdict() for each in made.inputs],
        "areas": [sealed_figure.dump(*each) for each in made.areas],
        "changes": [each.said() for each in changes],
        "parts": [{"area": key, "changes": [each.said() for each in several]} for key, several in parts.items()],
    }
    document = rfc8785.dumps(said)
    row.document, row.digest = document.decode(), hashlib.sha256(document).digest()
    writer.add(row)
    writer.flush()
    return row


def _say(row: Seal, moment: datetime, by: str) -> dict[str, Any]:
    """What stands beside the document as well, and who sealed it."""
    return revision.columns(row) | {
        "definitions_version": DEFINITIONS_VERSION,
        "sealed_at": clock.stamp_exact(moment),
        "sealed_by": by,
    }


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


def _shown(shown: Rates) -> list[Any]:
    """The measures told of each area, with its market-days."""
    found = []
    for rated in (shown.whole, *shown.parts):
        told = {each.indicator for each in rated.figures if each.value is not None}
        measures = {measure for name in told for measure in TOLD_BY.get(name, ())}
        if measures:
            days = [[each.market_id, each.first.isoformat(), each.last.isoformat()] for each in rated.area.spans]
            found.append([sorted(measures), days])
    return found


def _hidden(shown: Rates) -> list[str]:
    return sorted(
        kept.cell(rated.area, each.indicator)
        for rated in (shown.whole, *shown.parts)
        for each in rated.figures
        if each.status == "suppressed"
    )
