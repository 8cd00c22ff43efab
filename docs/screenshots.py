"""Pictures of the demo's pages: `python docs/screenshots.py http://127.0.0.1:8000` writes docs/*.png."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = {"": (1200, 1240), "-phone": (390, 1240)}
COLOURS = 128  # what a page needs to look as it does
SETTLE_MILLISECONDS = 1500  # a page that listens is heard of by then


def find_chromium() -> str | None:
    """The machine's own browser; None where there is none."""
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


def main(
    address: str,
    market: Annotated[str, typer.Option(help="a market's code; otherwise the first one listed")] = "",
    language: Annotated[str, typer.Option(help="vi or en")] = "vi",
    folder: Annotated[Path, typer.Option(help="where the pictures go")] = Path(__file__).parent,
) -> None:
    """Take the front page, one market's, its board's, its ward's, a helper's and a vendor's, for a desk and a phone."""
    chromium = find_chromium()
    if chromium is None:
        typer.echo(f"No Chromium found: one of {', '.join(CHROMIUMS)} must be on the PATH.", err=True)
        raise typer.Exit(1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        front = f"{address.rstrip('/')}/"
        page = f"{front}markets/{market or _first_market(browser, front)}"
        open_to_all = {"markets": front, "market": page}
        for name in (*open_to_all, "board", "ward", "helper", "vendor"):  # these come in, and are led to their own
            for form, size in WIDTHS.items():
                file = folder / f"{name}{form}{'' if language == 'vi' else f'.{language}'}.png"
                with _open(browser, size) as opened:
                    _take(opened, f"{open_to_all.get(name) or _enter(opened, front, name)}?lang={language}", file)
                typer.echo(f"{file}  {file.stat().st_size:,} bytes")
        browser.close()


def _first_market(browser: Browser, front: str) -> str:
    with browser.new_page() as page:
        page.goto(front)
        link = page.locator("a[href^='/markets/']").first.get_attribute("href", timeout=5000)
    code = re.match(r"/markets/([a-z0-9-]+)", link or "")
    assert code is not None, "the front page lists no market"
    return code[1]


@contextmanager
def _open(browser: Browser, size: tuple[int, int]) -> Iterator[Page]:
    viewport: ViewportSize = {"width": size[0], "height": size[1]}
    with browser.new_context(viewport=viewport, color_scheme="light", device_scale_factor=1.5) as context:
        yield context.new_page()


def _enter(page: Page, front: str, who: str) -> str:
    """Sign in by the demo's own door; the address of the page one is led to."""
    page.goto(f"{front}signin")
    page.locator(f"button[name=who][value={who}]").click()
    page.wait_for_url(lambda url: "/signin" not in url)
    return page.url.partition("?")[0]


def _take(page: Page, url: str, file: Path) -> None:
    answer = page.goto(url)
    assert answer is not None and answer.ok, f"{url} does not answer"
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    with Image.open(BytesIO(page.screenshot())) as taken:
        taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    typer.run(main)
