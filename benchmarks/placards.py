"""`python -m benchmarks.placards`: placards a second, from codes in a database to a PDF that can be cut."""

import argparse
import time

from benchmarks import stage
from ground import clock
from ground.store import Store
from merchants import market, placard_sheet, qr_image
from merchants.market import Market


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stalls", type=int, default=1000)
    chosen = options.parse_args()
    with stage.fresh_books() as books:
        found = _fill(books, chosen.stalls)
        for size in placard_sheet.ON_A_SHEET:
            _measure(books, found, size)


def _fill(books: Store, stalls: int) -> Market:
    with books.session() as session:
        found = market.add(session, "m", "Chợ Vũng Tàu", "26506")
        lines = ["stall;section;merchant;bank;account;account name"]
        lines += [f"S{n};Khu {n % 12};Nguyễn Thị Hoa {n};VCB;{10**12 + n};NGUYEN THI HOA" for n in range(stalls)]
        stage.take_roll(session, found, lines)
        session.commit()
    return found


def _measure(books: Store, found: Market, size: str) -> None:
    with books.session() as session:
        faces = placard_sheet.faces(session, found, clock.today())
    spent = time.process_time()
    for face in faces:
        qr_image.svg(face.payload)
    codes = time.process_time() - spent
    drawn_at, drawn = time.perf_counter(), time.process_time()
    made = placard_sheet.draw(found, faces, size, base_url="https://cho.example.vn", moment=clock.now())
    whole, cpu = time.perf_counter() - drawn_at, time.process_time() - drawn
    print(
        f"{size}: {len(faces):,} placards, {len(made) / 2**20:.1f} MB in {whole:.1f} s, {len(faces) / whole:,.0f}/s"
        f" ({cpu:.1f} s of one core, {codes:.1f} s of it for drawing the codes and reading them back)"
    )


if __name__ == "__main__":
    main()
