"""`python -m benchmarks.slow_disk`: the door on a disk whose every sync takes a millisecond longer, beside one commit
for each request on the same disk."""

import argparse
import os
import statistics

import psycopg
from pydantic import SecretStr

from benchmarks import load
from benchmarks.ingest import PORT, serving
from ground import store
from ground.settings import Settings
from tests.own_postgres import Faults, own_postgres

DOORS = {"group commit": "benchmarks.doors:stored", "one commit a request": "benchmarks.doors:single"}
KEY = "k" * 43


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--connections", type=int, default=32)
    options.add_argument("--microseconds", type=int, default=1000)
    chosen = options.parse_args()
    faults = Faults()
    try:
        with own_postgres(faults.environment) as postgres:
            with psycopg.connect(postgres.url(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE books")
            settings = Settings(database_url=SecretStr(postgres.url("books")), secret_key=SecretStr(KEY))
            store.open_store(settings, migrate=True).engine.dispose()
            os.environ |= {"MARKET_DATABASE_URL": postgres.url("books"), "MARKET_SECRET_KEY": KEY}
            _compare(faults, chosen.microseconds, chosen.connections, chosen.seconds, chosen.repeats)
    finally:
        faults.remove()


def _compare(faults: Faults, microseconds: int, connections: int, seconds: float, repeats: int) -> None:
    """Interleaved, so that a noisy minute hits every door with and without the delay."""
    rates: dict[tuple[str, int], list[float]] = {}
    first = 1
    for _ in range(repeats):
        for name, door in DOORS.items():
            for delay in (0, microseconds):
                faults.set(sync_microseconds=delay)
                with serving(None, door):
                    first += 10_000_000
                    load.run(PORT, connections, 0.5, list(load.requests(first + 9_000_000, 3000)))
                    requests = list(load.requests(first, int(8_000 * seconds)))
                    rates.setdefault((name, delay), []).append(
                        load.run(PORT, connections, seconds, requests).per_second
                    )
                faults.set()
    print(f"{connections} connections, {seconds:g} s × {repeats}, fsync on, each sync {microseconds} µs slower")
    for name in DOORS:
        quick, slow = (statistics.median(rates[name, delay]) for delay in (0, microseconds))
        print(f"{name:<22} {quick:>8,.0f} req/s   with the delay {slow:>8,.0f} req/s   ratio {slow / quick:.2f}")


if __name__ == "__main__":
    main()
