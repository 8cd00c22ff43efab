"""`python -m benchmarks.paint http://127.0.0.1:8000`: when a demo's pages stand on a throttled phone, and their weight.

The phone is a quarter as fast as this machine, 360 px wide, on a slow 4G line: 1.6 Mbit/s down, 0.75 up, 150 ms there
and back (the profile that web performance tools use for phones). Every page is opened with nothing kept from before.
"""

import argparse
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from docs.screenshots import ARGUMENTS, find_chromium

KBIT = 1000 / 8
LINE = {"offline": False, "latency": 150, "downloadThroughput": 1600 * KBIT, "uploadThroughput": 750 * KBIT}
SLOWER = 4
# What everybody opens; {market} is the demo's first market, {serial} one of its codes. And the pages on which those
# who sign in land.
PAGES = ("/", "/markets/{market}", "/apply", "/q/{serial}", "/v/{serial}", "/signin")
PEOPLE = ("vendor", "helper", "board", "ward")
# The last entry is the largest that was painted.
LARGEST = """() => new Promise(done => new PerformanceObserver(seen => done(seen.getEntries().at(-1).startTime))
    .observe({type: 'largest-contentful-paint', buffered: true}))"""
PLACES = """() => ({
    market: document.querySelector("a[href^='/markets/']").getAttribute("href").split(/[/?]/)[2],
})"""


class Opened(NamedTuple):
    """milliseconds: until the largest thing was painted. kilobytes: on the wire, all files together."""

    milliseconds: float
    kilobytes: float


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("address", help="where a demo answers")
    options.add_argument("--serial", required=True, help="a code of the demo: see `main.py --demo codes list`")
    options.add_argument("--times", type=int, default=5)
    chosen = options.parse_args()
    address = chosen.address.rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        places = {"market": _first_market(browser, address), "serial": chosen.serial}
        print(f"{'page':28}{'largest paint, ms':>20}{'slowest':>10}{'kB':>8}")
        for who in (None, *PEOPLE):
            context = browser.new_context(viewport={"width": 360, "height": 800}, service_workers="block")
            paths = [path.format(**places) for path in PAGES] if who is None else [_come_in(context, address, who)]
            for path in paths:
                seen = [_open(context, address + path) for _ in range(chosen.times)]
                middle, slowest = (f(each.milliseconds for each in seen) for f in (median, max))
                weight = max(each.kilobytes for each in seen)
                print(f"{path:28}{middle:>20,.0f}{slowest:>10,.0f}{weight:>8.1f}", flush=True)
            context.close()
        browser.close()


def _first_market(browser: Browser, address: str) -> str:
    with browser.new_page() as page:
        page.goto(address)
        return str(page.evaluate(PLACES)["market"])


def _come_in(context: BrowserContext, address: str, who: str) -> str:
    """By the demo's own door; the page on which one lands."""
    with context.new_page() as page:
        page.goto(f"{address}/signin")
        page.locator(f"form[action='/signin/demo'] button[value='{who}']").click()
        page.wait_for_load_state()
        return page.url.removeprefix(address)


def _open(context: BrowserContext, url: str) -> Opened:
    with context.new_page() as page:
        phone = context.new_cdp_session(page)
        phone.send("Network.enable")
        phone.send("Network.setCacheDisabled", {"cacheDisabled": True})
        phone.send("Network.emulateNetworkConditions", LINE)
        phone.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        weight: list[float] = []
        phone.on("Network.loadingFinished", lambda event: weight.append(event["encodedDataLength"]))
        answer = page.goto(url, wait_until="load")
        assert answer is not None and answer.ok, f"{url} does not answer"
        return Opened(float(page.evaluate(LARGEST)), sum(weight) / 1000)


if __name__ == "__main__":
    main()
