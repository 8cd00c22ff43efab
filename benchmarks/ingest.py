"""`python -m benchmarks.ingest`: notices a second at our door, beside no store at all and the plain SQLModel way."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx

from benchmarks import load
from benchmarks.load import Load
from ground import embedded

DOORS = {
    "no store": "benchmarks.doors:Unstored",
    "group commit": "benchmarks.doors:stored",
    "plain": "benchmarks.doors:plain",
}
PORT = 18_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--connections", type=int, nargs="+", default=[32, 128])
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="market40-benchmark-"))
    try:
        for connections in chosen.connections:
            _compare(folder, connections, chosen.seconds, chosen.repeats)
    finally:
        embedded.remove(folder)


def _compare(folder: Path, connections: int, seconds: float, repeats: int) -> None:
    """Interleaved, so that a noisy minute hits every door; medians of the repeats."""
    runs: dict[str, list[Load]] = {name: [] for name in DOORS}
    for repeat in range(repeats):
        for index, (name, door) in enumerate(DOORS.items()):
            first = 1 + (connections * 100 + repeat * len(DOORS) + index) * 10_000_000
            runs[name].append(_measure(folder, door, connections, seconds, first))
    print(f"\n{connections} connections, {seconds:g} s × {repeats}, one server process, fsync on")
    titles = ("req/s", "of no store", "of plain", "p50 ms", "p99 ms", "p99/p50", "refused")
    print(f"{'door':<14}" + "".join(f"{title:>13}" for title in titles))
    medians = {name: statistics.median(run.per_second for run in several) for name, several in runs.items()}
    for name, several in runs.items():
        p50 = statistics.median(run.p50 for run in several)
        p99 = statistics.median(run.p99 for run in several)
        rate = medians[name]
        cells = (
            f"{rate:,.0f}",
            f"{rate / medians['no store']:.2f}",
            f"{rate / medians['plain']:.1f}",
            f"{p50:.1f}",
            f"{p99:.1f}",
            f"{p99 / p50:.1f}",
            str(sum(run.refused for run in several)),
        )
        print(f"{name:<14}" + "".join(f"{cell:>13}" for cell in cells))


def _measure(folder: Path, door: str, connections: int, seconds: float, first: int) -> Load:
    with serving(folder, door):
        load.run(PORT, connections, 0.5, list(load.requests(first + 9_000_000, 3000)))
        waiting = list(
            load.requests(first, int(25_000 * seconds) if door.endswith("Unstored") else int(15_000 * seconds))
        )
        return load.run(PORT, connections, seconds, waiting)


@contextmanager
def serving(folder: Path | None, door: str) -> Iterator[int]:
    """A door open on PORT in one process of its own, whose id this gives; `folder` None: as the environment says."""
    environment = {**os.environ, "MARKET_SEPAY_HMAC_SECRET": load.SECRET}
    if folder is not None:
        environment["MARKET_DATA_DIR"] = str(folder)
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        door,
        "--port",
        str(PORT),
        "--log-level",
        "error",
        "--no-access-log",
    ]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait(server)
        yield server.pid
    finally:
        server.terminate()
        server.wait()


def _wait(server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise SystemExit("the door did not open")
        try:
            httpx.get(f"http://127.0.0.1:{PORT}/", timeout=1, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
