"""The full table: every route of the app for every role, at home and elsewhere; the stranger gets 404 everywhere."""

import pytest
from httpx2 import Response

from portal import access
from tests.cast import ELSEWHERE, HERE, OTHER_PROVINCE, OTHER_WARD, PROVINCE, ROLES, WARD, Cast

EVERYBODY = frozenset({"stranger", *ROLES})
STAFF = EVERYBODY - {"stranger", "vendor"}
BOARD = frozenset({"board", "operator"})
OVERSEERS = frozenset({"ward", "province", "operator"})

# Who may call a route of cho-a, of ward 26506, of province 79. A route that is missing here fails the test.
TABLE: dict[str, frozenset[str]] = {
    "GET /": EVERYBODY,
    "GET /markets/{code}": EVERYBODY,
    "GET /q/{serial}.svg": EVERYBODY,
    "GET /q/{serial}.png": EVERYBODY,
    "GET /q/{serial}": EVERYBODY,
    "GET /q/{serial}/paid": EVERYBODY,
    "POST /q/{serial}/card": EVERYBODY,
    "GET /v": EVERYBODY,
    "GET /v/{serial}": EVERYBODY,
    "GET /api/v1/rates": EVERYBODY,
    "GET /api/v1/series": EVERYBODY,
    "GET /api/v1/scoreboard": EVERYBODY,
    "GET /open/": EVERYBODY,
    "GET /open/rates.csv": EVERYBODY,
    "GET /open/rates.sdmx.csv": EVERYBODY,
    "GET /open/rates.csv-metadata.json": EVERYBODY,
    "GET /open/structure.json": EVERYBODY,
    "GET /open/catalog.jsonld": EVERYBODY,
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": frozenset(),  # nobody's, whoever is signed in: a token opens it (test_metrics.py)
    "GET /signin": EVERYBODY,
    "POST /signin": EVERYBODY,
    "GET /signin/second": EVERYBODY,
    "POST /signin/second": EVERYBODY,
    "POST /signin/phone": EVERYBODY,
    "GET /signin/code": EVERYBODY,
    "POST /signin/code": EVERYBODY,
    "GET /signin/link/{token}": EVERYBODY,
    "POST /signin/link/{token}": EVERYBODY,
    "POST /signin/demo": EVERYBODY,
    "POST /signout": EVERYBODY - {"stranger"},
    "GET /account": EVERYBODY - {"stranger"},
    "POST /account/sessions/ending": EVERYBODY - {"stranger"},
    "POST /account/password": STAFF,
    "GET /account/second": STAFF,
    "POST /account/second": STAFF,
    "POST /account/second/recovery": STAFF,
    "POST /account/second/removal": STAFF,
    "GET /stall": frozenset({"vendor"}),
    "POST /stall/words": frozenset({"vendor"}),
    "POST /stall/words/undoing": frozenset({"vendor"}),
    "POST /stall/cash": frozenset({"vendor"}),
    "GET /stall/month": frozenset({"vendor"}),
    "GET /stall/book.{ending}": frozenset({"vendor"}),
    "GET /stall/live": frozenset({"vendor"}),
    "GET /stall/manifest.webmanifest": EVERYBODY,
    "GET /stall/worker.js": EVERYBODY,
    "GET /apply": EVERYBODY,
    "POST /apply": frozenset({"vendor"}),
    "POST /apply/phone": EVERYBODY,
    "GET /apply/code": EVERYBODY,
    "POST /apply/code": EVERYBODY,
    "GET /apply/consent": frozenset({"vendor"}),
    "POST /apply/consent": frozenset({"vendor"}),
    "POST /apply/withdrawal": frozenset({"vendor"}),
    "GET /apply/slip/{token}": EVERYBODY,
    "POST /apply/slip/{token}": EVERYBODY,
    "GET /stall/account": frozenset({"vendor"}),
    "POST /stall/account": frozenset({"vendor"}),
    "GET /stall/account/consent": frozenset({"vendor"}),
    "POST /stall/account/consent": frozenset({"vendor"}),
    "GET /stall/leave": frozenset({"vendor"}),
    "POST /stall/leave": frozenset({"vendor"}),
    "GET /stall/mine": frozenset({"vendor"}),
    "GET /stall/mine.zip": frozenset({"vendor"}),
    "POST /stall/mine/erasure": frozenset({"vendor"}),
    "GET /stall/statement": frozenset({"vendor"}),
    "POST /stall/statement": frozenset({"vendor"}),
    "GET /field": frozenset({"helper", "other_helper", "operator"}),
    "GET /field/worker.js": EVERYBODY,
    "GET /field/{code}": BOARD | {"helper"},
    "GET /field/{code}/inspection": BOARD | {"helper"},
    "POST /field/{code}/inspection": BOARD | {"helper"},
    "GET /field/{code}/inspections": BOARD | {"helper"},
    "GET /field/{code}/photo": BOARD | {"helper"},
    "GET /field/{code}/counting": BOARD | {"helper"},
    "POST /field/{code}/tallies": BOARD | {"helper"},
    "POST /field/{code}/tallies/correction": BOARD | {"helper"},
    "GET /field/{code}/placards": BOARD | {"helper"},
    "POST /field/{code}/placards": BOARD | {"helper"},
    "GET /field/{code}/slip": BOARD | {"helper"},
    "POST /field/{code}/slip": BOARD | {"helper"},
    "GET /field/{code}/application": BOARD | {"helper"},
    "POST /field/{code}/application": BOARD | {"helper"},
    "GET /field/{code}/application/consent": BOARD | {"helper"},
    "POST /field/{code}/application/consent": BOARD | {"helper"},
    "POST /field/{code}/application/message": BOARD | {"helper"},
    "POST /field/{code}/application/slip": BOARD | {"helper"},
    "GET /findings": frozenset({"operator"}),
    "GET /findings.xlsx": frozenset({"operator"}),
    "POST /findings/decisions": frozenset({"operator"}),
    "GET /finding": frozenset({"operator"}),
    "POST /finding": frozenset({"operator"}),
    "GET /board/{code}/findings": BOARD,
    "GET /board/{code}/findings.xlsx": BOARD,
    "POST /board/{code}/findings/decisions": BOARD,
    "GET /board/{code}/finding": BOARD,
    "POST /board/{code}/finding": BOARD,
    "GET /board": frozenset({"board", "other_board", "operator"}),
    "GET /board/{code}": BOARD | OVERSEERS,
    "GET /board/{code}/stalls": BOARD,
    "GET /board/{code}/stalls.{ending}": BOARD,
    "GET /board/{code}/funnel.{ending}": BOARD | OVERSEERS,
    "GET /board/{code}/applications": BOARD,
    "GET /board/{code}/application": BOARD,
    "POST /board/{code}/application": BOARD,
    "GET /board/{code}/placards": BOARD,
    "POST /board/{code}/placards": BOARD,
    "GET /board/{code}/placards.pdf": BOARD,
    "POST /board/{code}/placards/handing-over": BOARD,
    "GET /board/{code}/inspections": BOARD,
    "POST /board/{code}/inspections/settlement": BOARD,
    "GET /ward": frozenset({"ward", "other_ward", "operator"}),
    "GET /ward/{code}": OVERSEERS,
    "GET /ward/{code}/report.{ending}": OVERSEERS,
    "GET /province/{code}/report.{ending}": frozenset({"province", "operator"}),
    "GET /board/{code}/report.{ending}": BOARD | OVERSEERS,
    "GET /ward/{code}/scoreboard": OVERSEERS,
    "POST /ward/{code}/targets": OVERSEERS,
    "GET /province/{code}/scoreboard": frozenset({"province", "operator"}),
    "POST /province/{code}/targets": frozenset({"province", "operator"}),
    "GET /province/{code}": frozenset({"province", "operator"}),
    "GET /province": frozenset({"province", "other_province", "operator"}),
    "GET /operator": frozenset({"operator"}),
    "GET /operator/cash": frozenset({"operator"}),
}
# What a path parameter is at home and elsewhere, by the level that the route says it has; others by their name.
AT_HOME = {
    "market": HERE,
    "ward": WARD,
    "province": PROVINCE,
    "serial": "C0",
    "token": "x",
    "code": HERE,
    "ending": "xlsx",
}
ELSE = {**AT_HOME, "market": ELSEWHERE, "ward": OTHER_WARD, "province": OTHER_PROVINCE, "code": ELSEWHERE}


def fill(path: str, need: access.Need, values: dict[str, str]) -> str:
    levels = {name: level for level, name in need.areas}
    for name in [part.split("}")[0] for part in path.split("{")[1:]]:
        path = path.replace("{" + name + "}", values[levels.get(name, name)])
    return path


def elsewhere(who: str) -> str:
    """Who has elsewhere what `who` has at home."""
    if who in ("stranger", "vendor", "operator"):
        return who
    return who.removeprefix("other_") if who.startswith("other_") else f"other_{who}"


def test_every_route_says_who_may_see_it_and_stands_in_the_table(cast: Cast) -> None:
    told = {f"{method} {path}" for method, path, _ in access.routes(cast.app.routes) if method != "HEAD"}
    assert told == TABLE.keys()


@pytest.mark.parametrize("who", sorted(EVERYBODY))
def test_everybody_gets_what_the_table_says_and_404_for_the_rest(cast: Cast, who: str) -> None:
    browser = cast.sign_in(who)
    wrong = []
    for method, path, need in access.routes(cast.app.routes):
        allowed = TABLE.get(f"{method} {path}".replace("HEAD", "GET"))
        if allowed is None or path == "/signout":  # a missing line is the other test's failure
            continue
        if path == "/stall/live" and who in allowed:  # an answer without an end: test_live.py listens to it
            continue
        for values, may in ((AT_HOME, who in allowed), (ELSE, elsewhere(who) in allowed)):
            if method == "HEAD" and may:  # what GET answers, without its body
                continue
            address = fill(path, need, values)
            answer = browser.client.request(method, address, follow_redirects=False)
            if not is_as_said(answer, may, need, address):
                wrong.append(f"{method} {address}: {answer.status_code}, may: {may}")
    assert wrong == []


def is_as_said(answer: Response, may: bool, need: access.Need, address: str) -> bool:
    """Hidden: 404, or for a fixed entrance the way to the door. Shown: the page, its own 404, or the form's 403."""
    to_door = answer.status_code == 303 and answer.headers["location"].startswith("/signin?next=")
    if need.is_open:
        return not to_door
    if not may:
        return answer.status_code == 404 or (to_door and address in access.ENTRANCES)
    return answer.status_code in (200, 303, 403) and not to_door
