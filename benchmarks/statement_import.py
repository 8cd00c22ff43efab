"""`python -m benchmarks.statement_import`: rows a second of reading, checking and storing statements, and memory."""

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import xlsxwriter
from sqlalchemy import text

from ground import embedded, store
from ground.settings import Settings
from merchants import account, token
from payments import statement
from payments.crew import Crew
from payments.statements.reading import read
from payments.statements.source import MOST_WORKBOOK_ROWS

ACCOUNT = ("970436", "0123499999")
BEGIN = datetime(2026, 10, 1)  # noqa: DTZ001 (a bank's local time)
MONTH = 30 * 86_400
OPENING = 50_000_000
SHAPES = ("csv", "csv, balances", "xlsx", "mt940")
Paid = tuple[datetime, int, str, str, int]  # moment, amount below 0 for money going out, reference, memo, balance


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lines", type=int, default=1_000_000)
    options.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES)
    options.add_argument("--worker", nargs=3, metavar=("FILE", "DATA", "PHASE"), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.worker:
        file, data, phase = chosen.worker
        _work(Path(file), Path(data), phase)
        return
    print(f"load average before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    names = ("rows/s", 9), ("wall µs", 9), ("Python µs", 11), ("PostgreSQL µs", 15), ("MB", 6)
    head = f"{'file':<14}{'lines':>10}  {'':<22}" + "".join(f"{name:>{width}}" for name, width in names)
    print(head, "-" * len(head), sep="\n")
    with tempfile.TemporaryDirectory(prefix="market40-benchmark-") as folder:
        for shape in chosen.shapes:
            _measure(Path(folder), shape, chosen.lines)
    print(f"load average after: {os.getloadavg()[0]:.1f}. MB: the Python process at its largest.")


def _measure(folder: Path, shape: str, lines: int) -> None:
    """Each phase in a process of its own, so that its memory is its own."""
    count = min(lines, MOST_WORKBOOK_ROWS - 1) if shape == "xlsx" else lines
    file = _write(folder, shape, count)
    data = folder / "data"
    try:
        for phase in ("reading alone", "into an empty account", "all of it known", "half of it known"):
            words = [sys.executable, "-m", "benchmarks.statement_import", "--worker", str(file), str(data), phase]
            told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            print(f"{shape:<14}{count:>10,}  {phase:<22}{told}", end="", flush=True)
    finally:
        embedded.remove(data)
        file.unlink()


def _work(file: Path, data: Path, phase: str) -> None:
    """Prints a row: of reading and storing together, but for "reading alone"."""
    books = None if phase == "reading alone" else store.open_store(Settings(data_dir=data))
    if books is not None and phase == "half of it known":
        with books.engine.begin() as connection:
            connection.execute(text("DELETE FROM statement_line WHERE row % 2 = 0"))
    pid = None
    if books is not None:
        with books.session() as session:
            pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    begin, own, theirs = time.perf_counter(), _own_cpu(), _cpu(pid)
    if books is None:
        (section,) = read(file).sections
    else:
        with Crew(books.vault, ACCOUNT[1]) as crew, books.session() as session:
            (section,) = read(file, helper=crew.seal_ahead).sections
            pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            key = account.take_up(session, [ACCOUNT])[ACCOUNT]
            statement.take_in(session, books.vault, key, section, bank="csv", by="benchmark", crew=crew)
            session.commit()
    wall, python = time.perf_counter() - begin, _own_cpu() - own
    each = 1e6 / len(section.lines)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    server = (_cpu(pid) - theirs) * each
    print(f"{1e6 / (wall * each):>9,.0f}{wall * each:>9.1f}{python * each:>11.1f}{server:>15.1f}{memory:>6}")


def _own_cpu() -> float:
    """The seconds that this process and its workers have computed."""
    return sum(os.times()[:4])


def _cpu(pid: int | None) -> float:
    """The seconds a server process has computed, where the system tells."""
    file = Path(f"/proc/{pid}/stat")
    if pid is None or not file.exists():
        return 0.0
    fields = file.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _write(folder: Path, shape: str, count: int) -> Path:
    file = folder / f"statement.{shape.partition(',')[0]}"
    if shape == "xlsx":
        _write_workbook(file, count)
    elif shape == "mt940":
        _write_mt940(file, count)
    else:
        _write_csv(file, count, balances="balances" in shape)
    return file


def _payments(count: int) -> Iterator[Paid]:
    """A month in order: four in five name one of 2,000 stalls' tokens, one in fifty is money going out."""
    source = random.Random(2026)
    tokens = [token.draw(source) for _ in range(2_000)]
    balance = OPENING
    for number in range(count):
        moment = BEGIN + timedelta(seconds=number * MONTH // count)
        amount = source.choice((5, 10, 15, 20, 25, 30, 35, 50, 70, 100, 120, 200)) * 1000
        amount = -amount if source.random() < 0.02 else amount
        balance += amount
        word = source.choice(tokens) if source.random() < 0.8 else "chuyen tien"
        memo = f"MBVCB.{3_000_000_000 + number}.{source.randrange(10**6):06d}.{word}.CT tu 0011{number % 9973:04d}"
        yield (
            moment,
            amount,
            f"FT26{number:012d}",
            f"{memo} NGUYEN VAN {chr(65 + number % 26)} toi {ACCOUNT[1]}",
            balance,
        )


def _cells(paid: Paid, balances: bool) -> list[str]:
    moment, amount, reference, memo, balance = paid
    sides = ["", f"{amount:,}"] if amount > 0 else [f"{-amount:,}", ""]
    return [f"{moment:%d/%m/%Y %H:%M:%S}", reference, *sides, *([f"{balance:,}"] if balances else []), memo]


def _headings(balances: bool) -> list[str]:
    return ["Ngày giao dịch", "Số tham chiếu", "Nợ", "Có", *(["Số dư"] if balances else []), "Nội dung"]


def _write_csv(file: Path, count: int, *, balances: bool) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        out.write(";".join(_headings(balances)) + "\r\n")
        out.writelines(";".join(_cells(paid, balances)) + "\r\n" for paid in _payments(count))


def _write_workbook(file: Path, count: int) -> None:
    with xlsxwriter.Workbook(str(file), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, _headings(True))
        for row, paid in enumerate(_payments(count), 1):
            sheet.write_row(row, 0, _cells(paid, True))


def _write_mt940(file: Path, count: int) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.write(f":20:1\r\n:25:{ACCOUNT[1]}\r\n:28C:1/1\r\n:60F:C261001VND{OPENING},\r\n")
        closing = OPENING
        for moment, amount, reference, memo, balance in _payments(count):
            mark, closing = ("C" if amount > 0 else "D"), balance
            out.write(f":61:{moment:%y%m%d%m%d}{mark}{abs(amount)},NTRFNONREF//{reference}\r\n:86:{memo[:180]}\r\n")
        out.write(f":62F:{'C' if closing >= 0 else 'D'}261030VND{abs(closing)},\r\n-\r\n")


if __name__ == "__main__":
    main()
