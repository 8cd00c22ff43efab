"""`python -m benchmarks.live`: from a payment's commit to the vendor's page, with 1,000 pages open on one process.

Three processes: the server; one that holds the pages open and notes when each is told; and this one, which posts.
"""

import argparse
import asyncio
import multiprocessing
import os
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx2 as httpx
import orjson
import uvloop
from sqlalchemy import text

from benchmarks import stage
from ground import clock
from ground.store import Store
from merchants import market
from payments import journal
from payments.movement import Movement
from portal import vendor_account, visit

PROMISED_MS = 500
LOOKS = 200


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pages", type=int, default=1000)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--rate", type=float, default=20, help="payments a second")
    asked = options.parse_args()
    with stage.fresh_books() as books:
        stalls = _fill(books, asked.pages)
        tokens = _sign_in(books, asked.pages)
        with _serving(books.settings.data_dir) as server:
            _measure(books, server, stalls, tokens, asked)


def _fill(books: Store, pages: int) -> list[int]:
    """A stall and a phone for each page."""
    with books.session() as session:
        found = market.add(session, "m", "Chợ", "26506", since=clock.today().replace(month=1, day=1))
        lines = ["stall;merchant;phone;bank;account"]
        lines += [f"S{i};Hộ {i};09{i:08d};VCB;{i:09d}" for i in range(pages)]
        stage.take_roll(session, found, lines)
        session.commit()
        numbers = session.execute(text("SELECT number, id FROM stall"))
        by_number = {row.number: int(row.id) for row in numbers}
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return [by_number[f"S{i}"] for i in range(pages)]


def _sign_in(books: Store, pages: int) -> list[str]:
    moment = clock.now()
    with books.session() as session:
        ids = [vendor_account.take_up(session, f"09{i:08d}", moment) for i in range(pages)]
        tokens = [visit.begin(session, books.vault, moment, stage.GUEST, vendor_id=id) for id in ids]
        session.commit()
    return tokens


class _serving:
    """`main.py serve` on these books; its port and process."""

    def __init__(self, folder: Path) -> None:
        self.port = 20_000 + os.getpid() % 10_000
        environment = {**os.environ, "MARKET_DATA_DIR": str(folder)}
        command = [sys.executable, "main.py", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "_serving":
        assert self.process.stdout is not None and "Ready" in self.process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


def _measure(books: Store, server: _serving, stalls: list[int], tokens: list[str], asked: argparse.Namespace) -> None:
    here, there = multiprocessing.Pipe()
    holder = multiprocessing.get_context("spawn").Process(target=_hold_open, args=(there, server.port, tokens))
    begin = time.monotonic()
    holder.start()
    assert here.recv() == "open"
    print(f"{len(tokens):,} pages open after {time.monotonic() - begin:.1f} s")
    committed = _post(books, stalls, asked)
    time.sleep(1)
    here.send("enough")
    heard: dict[int, list[float]] = here.recv()
    holder.join()
    waits = [1000 * (at - committed[amount]) for amount, times in heard.items() for at in times]
    twice = sum(len(times) > 1 for times in heard.values())
    print(f"{len(committed):,} payments, {len(heard):,} told, {twice} twice")
    _say("commit to page", waits)
    print(f"p95 promised: {PROMISED_MS} ms; the server holds {_megabytes(server.process.pid)} MB")
    _say("GET /stall", _look(server.port, tokens))


def _say(name: str, waits: list[float]) -> None:
    ordered = sorted(waits)
    marks = "  ".join(
        f"p{part} {ordered[min(len(ordered) - 1, len(ordered) * part // 100)]:.1f}" for part in (50, 95, 99)
    )
    print(f"{name}: {marks}  max {ordered[-1]:.1f} ms; load {os.getloadavg()[0]:.1f}")


def _post(books: Store, stalls: list[int], asked: argparse.Namespace) -> dict[int, float]:
    """By their amounts, which are all different, when each payment's commit had returned."""
    keep = text("""
        INSERT INTO notice (provider, external_id, received_at, occurred_at, business_date, direction, amount, account,
            tokens, handled_at)
        VALUES ('sepay', :id, :now, :now, :day, 'in', :amount, :account, '{}', :now) RETURNING id
    """)
    committed: dict[int, float] = {}
    begin = time.monotonic()
    for number in range(int(asked.seconds * asked.rate)):
        time.sleep(max(0.0, begin + number / asked.rate - time.monotonic()))
        amount, nth, now = 10_000 + number, number * 7 % len(stalls), clock.now()
        with books.session() as session:
            facts = {"id": str(number), "now": now, "day": clock.today(), "amount": amount, "account": f"{nth:09d}"}
            notice_id = session.execute(keep, facts).scalar_one()
            account = journal.stall_account(stalls[nth])
            journal.write(session, [Movement("sale", "world:sepay", account, amount, clock.today(), now, notice_id)])
            session.commit()
        committed[amount] = time.monotonic()
    return committed


def _hold_open(parent: Connection, port: int, tokens: list[str]) -> None:
    uvloop.run(_hold(parent, port, tokens))


async def _hold(parent: Connection, port: int, tokens: list[str]) -> None:
    heard: dict[int, list[float]] = {}
    ready = asyncio.Semaphore(0)
    tasks = []
    for nth, token in enumerate(tokens):
        tasks.append(asyncio.create_task(_listen(port, token, heard, ready)))
        if nth % 50 == 49:  # as phones come, not all in one instant
            await asyncio.sleep(0.05)
    for _ in tokens:
        await ready.acquire()
    parent.send("open")
    await asyncio.to_thread(parent.recv)
    parent.send(heard)
    for task in tasks:
        task.cancel()


async def _listen(port: int, token: str, heard: dict[int, list[float]], ready: asyncio.Semaphore) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET /stall/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: visit={token}\r\n\r\n"
    writer.write(request.encode())
    kind = b""
    while line := await reader.readline():
        if line.startswith(b"event: "):
            kind = line[7:].strip()
            if kind == b"ready":
                ready.release()
        elif line.startswith(b"data: ") and kind == b"news":
            told: dict[str, Any] = orjson.loads(line[6:])
            heard.setdefault(told["amount"], []).append(time.monotonic())


def _look(port: int, tokens: list[str]) -> list[float]:
    waits = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
        for token in tokens[:LOOKS]:
            begin = time.perf_counter()
            client.get("/stall", headers={"Cookie": f"visit={token}"}).raise_for_status()
            waits.append(1000 * (time.perf_counter() - begin))
    return waits


def _megabytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main()
