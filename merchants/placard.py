"""A placard: one print of a stall's code, and the dated steps from the printer to the bin."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel, col, select

from ground import clock, record_number
from ground.database import Moment
from ground.refusal import Refusal
from merchants import code
from merchants.market import Market

STEPS = {
    "printed": ("handed_over", "damaged", "replaced", "revoked"),
    # hangs at the stall
    "handed_over": ("damaged", "replaced", "revoked"),
    # can't be read any more, still hangs or is lost
    "damaged": ("replaced", "revoked"),
    # another print of the same code took its place
    "replaced": (),
    # the code is no longer live: dated by the code itself, never written beside it
    "revoked": (),
}
"""What may follow what."""
_AT_THE_STALL = ("handed_over", "damaged")


class PrintRun(SQLModel, table=True):
    """Placards that were printed together, as one PDF that can be made again when the paper jams."""

    __tablename__ = "print_run"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    market_id: int = Field(sa_type=BigInteger)
    size: str
    printed_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    printed_by: str

    @property
    def key(self) -> int:
        assert self.id is not None, "not stored yet"
        return self.id


class Placard(SQLModel, table=True):
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    print_run_id: int = Field(sa_type=BigInteger)
    code_id: int = Field(sa_type=BigInteger)


class PlacardStep(SQLModel, table=True):
    """From `since` on the placard is where `step` says, until its next step."""

    __tablename__ = "placard_step"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    placard_id: int = Field(sa_type=BigInteger)
    step: str
    since: date
    recorded_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    recorded_by: str


class Standing(NamedTuple):
    """Where a placard is; `step` is one of STEPS."""

    id: int
    run: int
    serial: str
    stall: str
    section: str | None
    size: str
    step: str
    since: date
    printed_on: date


_STANDINGS = text("""
    SELECT p.id, r.id, c.serial, s.number, state.section, r.size,
        CASE WHEN last.step <> 'replaced' AND c.revoked_on <= :day THEN 'revoked' ELSE last.step END,
        CASE WHEN last.step <> 'replaced' AND c.revoked_on <= :day THEN c.revoked_on ELSE last.since END, first.since
    FROM placard p
    JOIN print_run r ON r.id = p.print_run_id
    JOIN code c ON c.id = p.code_id
    JOIN stall s ON s.id = c.stall_id
    LEFT JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.since <= :day AND (state.until IS NULL OR :day < state.until)
    JOIN placard_step first ON first.placard_id = p.id AND first.step = 'printed'
    JOIN LATERAL (SELECT step, since FROM placard_step WHERE placard_id = p.id ORDER BY id DESC LIMIT 1) last ON true
    WHERE s.market_id = coalesce(:market, s.market_id) AND c.id = coalesce(:code, c.id)
    ORDER BY p.id
""")


def every(session: Session, market: Market, on: date | None = None) -> list[Standing]:
    """The market's placards in the order of printing, each where it is on that day (today)."""
    parameters = {"market": market.key, "code": None, "day": on or clock.today()}
    return [Standing(*row) for row in session.execute(_STANDINGS, parameters)]


_PRINT = text("""
    WITH made AS (
        INSERT INTO placard (print_run_id, code_id) SELECT :run, c FROM unnest(CAST(:codes AS bigint[])) AS c
        RETURNING id
    )
    INSERT INTO placard_step (placard_id, step, since, recorded_at, recorded_by)
    SELECT id, 'printed', :day, :now, :by FROM made
""")


def record_print(
    session: Session, market: Market, codes: Sequence[int], size: str, *, by: str, moment: datetime
) -> PrintRun:
    """A placard of each code, by the code's id, was printed."""
    run = PrintRun(market_id=market.key, size=size, printed_at=moment, printed_by=by)
    session.add(run)
    session.flush()
    day = clock.business_date(moment)
    session.execute(_PRINT, {"run": run.key, "codes": list(codes), "day": day, "now": moment, "by": by})
    return run


def find_run(session: Session, market: Market, number: int) -> PrintRun:
    """The market's print run of this number; Refusal (404) when there is none."""
    mine = select(PrintRun).where(PrintRun.id == number, PrintRun.market_id == market.key)
    found = session.exec(mine).first() if record_number.is_one(number) else None
    if found is None:
        raise Refusal("placard.no_run", number=number, status=404)
    return found


_OF_STALL = text("""
    SELECT c.serial FROM placard p JOIN code c ON c.id = p.code_id JOIN stall s ON s.id = c.stall_id
    WHERE s.market_id = :market AND upper(s.number) = upper(:number)
    ORDER BY c.revoked_on IS NULL DESC, p.id DESC LIMIT 1
""")


def of_stall(session: Session, market: Market, number: str) -> str:
    """The serial of the stall's placards: of its live code, where one was printed."""
    serial = session.execute(_OF_STALL, {"market": market.key, "number": number.strip()}).scalar()
    if serial is None:
        raise Refusal("placard.none_at_stall", stall=number.strip()[:40], status=404)
    return str(serial)


def mark(session: Session, serial: str, step: str, *, by: str, on: date | None = None) -> list[Standing]:
    """One of the code's placards takes this step on that day (today); the placards that took one.

    Handed over is the last print; whatever of the same code hung there before it is replaced by it.
    Damaged or replaced is the one that hangs at the stall, or else the last print.
    """
    found = code.find(session, serial, lock=True)
    moment = clock.now()
    day = on or clock.business_date(moment)
    parameters = {"market": None, "code": found.id, "day": clock.business_date(moment)}
    standings = [Standing(*row) for row in session.execute(_STANDINGS, parameters)]
    fitting = [each for each in standings if step in STEPS[each.step] and step != "revoked"]
    if not fitting:
        now = standings[-1].step if standings else None
        raise Refusal(f"placard.not_now.{now}" if now else "placard.never_printed", serial=serial, status=409)
    chosen = max(fitting, key=lambda each: (each.step in _AT_THE_STALL, each.id))
    taken = [(chosen, step)]
    if step == "handed_over":
        taken += [(each, "replaced") for each in standings if each.id < chosen.id and "replaced" in STEPS[each.step]]
    for each, _ in taken:
        if not each.since <= day <= clock.business_date(moment):
            raise Refusal("placard.bad_day", serial=serial, day=day, since=each.since)
    session.add_all(
        PlacardStep(placard_id=each.id, step=into, since=day, recorded_at=moment, recorded_by=by)
        for each, into in taken
    )
    session.flush()
    return [each._replace(step=into, since=day) for each, into in taken]


_HAND_OVER_RUN = text("""
    WITH last AS (
        SELECT DISTINCT ON (placard_id) placard_id, step FROM placard_step ORDER BY placard_id, id DESC
    ), given AS (
        INSERT INTO placard_step (placard_id, step, since, recorded_at, recorded_by)
        SELECT p.id, 'handed_over', :day, :now, :by
        FROM placard p JOIN last ON last.placard_id = p.id AND last.step = 'printed' JOIN code c ON c.id = p.code_id
        WHERE p.print_run_id = :run AND (c.revoked_on IS NULL OR c.revoked_on > :day)
        ON CONFLICT DO NOTHING RETURNING placard_id
    ), gone AS (
        INSERT INTO placard_step (placard_id, step, since, recorded_at, recorded_by)
        SELECT older.id, 'replaced', :day, :now, :by
        FROM given JOIN placard p ON p.id = given.placard_id
        JOIN placard older ON older.code_id = p.code_id AND older.id < p.id
        JOIN last ON last.placard_id = older.id AND last.step <> 'replaced'
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM given
""")


def hand_over_run(session: Session, run: PrintRun, *, by: str, moment: datetime) -> int:
    """Every placard of a print run that still lies there was handed over today; how many."""
    today = {"run": run.key, "day": clock.business_date(moment), "now": moment, "by": by}
    return int(session.execute(_HAND_OVER_RUN, today).scalar_one())


def runs(session: Session, market: Market, most: int) -> list[PrintRun]:
    """The market's last print runs, the latest first."""
    mine = select(PrintRun).where(PrintRun.market_id == market.key)
    return list(session.exec(mine.order_by(col(PrintRun.id).desc()).limit(most)))


def show(standing: Standing) -> dict[str, Any]:
    """As JSON shows it."""
    return {
        **standing._asdict(),
        "since": standing.since.isoformat(),
        "printed_on": standing.printed_on.isoformat(),
    }
