"""`python -m benchmarks.endurance`: a long burst at full rate: how far posting falls behind, how soon it has caught up,
and whether the server's memory grows."""

import argparse
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from benchmarks import load, stage
from benchmarks.ingest import PORT, serving
from ground.store import Store
from merchants import market

STALLS = 500  # with the accounts that benchmarks.load pays to
CHUNK = 20_000  # requests made at a time, so that the caller's own memory stays small
WARM_UP = 20_000  # notices, before the first look at the memory


class Look(NamedTuple):
    seconds: float
    notices: int
    backlog: int
    megabytes: int


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--notices", type=int, help="instead of a time")
    options.add_argument("--connections", type=int, default=32)
    chosen = options.parse_args()
    with stage.fresh_books() as books:
        with books.session() as session:
            _open_market(session)
        with serving(books.settings.data_dir, "benchmarks.doors:stored") as pid:
            _endure(books, pid, chosen.seconds, chosen.notices, chosen.connections)


def _open_market(session: Session) -> None:
    found = market.add(session, "cho-a", "Chợ A", "26506", since=date(2026, 1, 1))
    rows = [f"S{number};Hộ {number};VCB;{1_000_000 + number}" for number in range(STALLS)]
    stage.take_roll(session, found, ["stall;merchant;bank;account", *rows], since=date(2026, 1, 1))
    session.commit()


def _endure(books: Store, pid: int, seconds: float, notices: int | None, connections: int) -> None:
    with _looking(books, pid) as looks:
        begun = time.perf_counter()
        told = refused = 0
        while (told < notices) if notices else (time.perf_counter() - begun < seconds):
            left = 3600.0 if notices else seconds - (time.perf_counter() - begun)
            done = load.run(PORT, connections, left, list(load.requests(1 + told + refused, CHUNK)))
            told, refused = told + done.answered, refused + done.refused
        burst = time.perf_counter() - begun
        behind = _backlog(books)
        drained = _drain(books)
    warm = next((look for look in looks if look.notices >= min(WARM_UP, told // 4)), looks[0])
    print(f"{told:,} notices told in {burst:.0f} s, {told / burst:,.0f} a second, {refused} refused, posting beside it")
    print(f"backlog at the end {behind:,}, at most {max(look.backlog for look in looks):,}; gone after {drained:.1f} s")
    print(
        f"memory of the server: {warm.megabytes} MB after {warm.notices:,} notices, {looks[-1].megabytes} MB at the end"
    )


@contextmanager
def _looking(books: Store, pid: int) -> Iterator[list[Look]]:
    """Every second: how many are kept, how many of them wait, and what the server's memory is."""
    looks: list[Look] = []
    stopping = threading.Event()
    begun = time.perf_counter()

    def look() -> None:
        with books.engine.connect() as connection:
            kept = text("SELECT coalesce(max(id), 0) FROM notice")
            while not stopping.is_set():
                count = int(connection.execute(kept).scalar_one())
                connection.rollback()
                looks.append(Look(time.perf_counter() - begun, count, _backlog(books), _megabytes(pid)))
                stopping.wait(1)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield looks
    finally:
        stopping.set()
        thread.join()


def _backlog(books: Store) -> int:
    with books.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM notice WHERE handled_at IS NULL")).scalar_one())


def _drain(books: Store) -> float:
    """Seconds until nothing waits any more."""
    begun = time.perf_counter()
    while _backlog(books):
        time.sleep(0.1)
    return time.perf_counter() - begun


def _megabytes(pid: int) -> int:
    """What the process holds in memory by itself."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


if __name__ == "__main__":
    main()
