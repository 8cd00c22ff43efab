"""Pictures of the pages for the README: `python docs/screenshots.py http://127.0.0.1:8000` writes docs/*.png."""

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, sync_playwright

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


def find_chromium() -> str | None:
    """The machine's own browser; None where there is none."""
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


def main(
    address: str,
    market: Annotated[str, typer.Option(help="a market's code; otherwise the first one listed")] = "",
    language: Annotated[str, typer.Option(help="vi or en")] = "vi",
    folder: Annotated[Path, typer.Option(help="where the pictures go")] = Path(__file__).parent,
) -> None:
    """Take the front page and one market's page, for a desk and for a phone."""
    chromium = find_chromium()
    if chromium is None:
        typer.echo(f"No Chromium found: one of {', '.join(CHROMIUMS)} must be on the PATH.", err=True)
        raise typer.Exit(1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        front = f"{address.rstrip('/')}/"
        page = f"{front}markets/{market or _first_market(browser, front)}"
        for name, url in (("markets", front), ("market", page)):
            for form, size in WIDTHS.items():
                file = folder / f"{name}{form}{'' if language == 'vi' else f'.{language}'}.png"
                _take(browser, f"{url}?lang={language}", size, file)
                typer.echo(file)
        browser.close()


def _first_market(browser: Browser, front: str) -> str:
    with browser.new_page() as page:
        page.goto(front)
        link = page.locator("a[href^='/markets/']").first.get_attribute("href", timeout=5000)
    code = re.match(r"/markets/([a-z0-9-]+)", link or "")
    assert code is not None, "the front page lists no market"
    return code[1]


def _take(browser: Browser, url: str, size: tuple[int, int], file: Path) -> None:
    width, height = size
    viewport = {"width": width, "height": height}
    with browser.new_context(viewport=viewport, color_scheme="light", device_scale_factor=1.5) as context:  # type: ignore[arg-type]
        page = context.new_page()
        answer = page.goto(url)
        assert answer is not None and answer.ok, f"{url} does not answer"
        page.screenshot(path=file)


if __name__ == "__main__":
    typer.run(main)
