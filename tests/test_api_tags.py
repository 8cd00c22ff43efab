"""Tags: 304 as long as nothing has changed, and another tag as soon as anything has that the answer rests on."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import clock
from ground.store import Store
from merchants import market
from payments import seal, target
from tests.cast import Cast
from tests.world import import_roll, keep, post, told

PATHS = (
    "/api/v1/rates?area=ward:26506&period=2026-10",
    "/api/v1/series?area=market:cho-a&indicator=acceptance&from=2026-01&to=2026-10",
    "/api/v1/scoreboard?area=province:79&period=2026-10",
)
Change = Callable[[Store, Session], object]


@pytest.fixture
def api(cast: Cast) -> Iterator[TestClient]:
    yield cast.stranger().client


def tags(api: TestClient) -> list[str]:
    found = [api.get(path).headers["etag"] for path in PATHS]
    assert all(each.startswith('W/"') for each in found)
    return found


def execute(statement: str) -> Change:
    return lambda _, session: session.execute(text(statement))


def pay(books: Store, _: Session) -> None:
    keep(books, [told(1)])
    post(books)


def aim(_: Store, session: Session) -> None:
    target.put(session, "ward:26506", "acceptance", "2026-10", Decimal("0.5"), by="test", at=clock.now())


def grow(_: Store, session: Session) -> None:
    import_roll(session, market.find(session, "cho-a"), "Z9;Z;Rau;Cô Mới;0912000099;;;VCB;1000099;LE MOI;")


STALL, MARKET = "(SELECT id FROM stall WHERE number = 'A1' LIMIT 1)", "(SELECT id FROM market WHERE code = 'cho-a')"
CHANGES: dict[str, Change] = {
    "a payment": pay,
    "a target": aim,
    "the roll": grow,
    "a code revoked": execute(
        "UPDATE code SET revoked_on = live_from, revoked_at = now(), revoke_reason = 'x' WHERE serial ="
        " (SELECT min(serial) FROM code)"
    ),
    "a market": lambda _, session: market.add(session, "cho-moi", "Chợ Mới", "26506", since=clock.today()),
    "a move": lambda _, session: market.move(
        session, market.find(session, "cho-a"), "26526", since=clock.today() - timedelta(days=3)
    ),
    "cash": execute(
        "INSERT INTO cash_report (market_id, stall_id, business_date, source, amount, recorded_at, recorded_by)"
        f" VALUES ({MARKET}, {STALL}, '2026-10-05', 'declared', 5, now(), 'x')"
    ),
    "an observation": execute(
        "INSERT INTO observation (market_id, stall_id, business_date, cashless, total, recorded_at, recorded_by)"
        f" VALUES ({MARKET}, {STALL}, '2026-10-05', 1, 2, now(), 'x')"
    ),
    "an inspection": execute(
        "INSERT INTO inspection (market_id, stall_id, inspected_at, inspected_on, inspected_by, verdict, reason,"
        f" differs) VALUES ({MARKET}, {STALL}, '2026-10-05 03:00Z', '2026-10-05', 'x', 'genuine', '', '{{}}')"
    ),
    "a seal": lambda books, _: seal.seal(books, "market:cho-b", "2026-09", by="test"),
}


def test_each_kind_of_change_gives_every_answer_another_tag(cast: Cast, api: TestClient) -> None:
    seen = [tags(api)]
    for name, change in CHANGES.items():
        with cast.books.session() as session:
            change(cast.books, session)
            session.commit()
        now = tags(api)
        assert all(new != old for new, old in zip(now, seen[-1], strict=True)), name
        assert tags(api) == now, name
        seen.append(now)
    assert len({tuple(each) for each in seen}) == len(seen)


def test_the_day_the_language_the_question_and_who_asks_change_the_tag(
    cast: Cast, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = PATHS[0]
    first = api.get(path).headers["etag"]
    others = {
        first,
        api.get(f"{path}&lang=en").headers["etag"],
        api.get(f"{path}&boundaries=current").headers["etag"],
        cast.sign_in("ward").get(path).headers["etag"],
    }
    tomorrow = clock.today() + timedelta(days=1)
    monkeypatch.setattr(clock, "today", lambda: tomorrow)
    others.add(api.get(path).headers["etag"])
    assert len(others) == 5


def test_whoever_has_the_answer_gets_304_and_nothing_else(api: TestClient) -> None:
    for path in PATHS:
        answer = api.get(path)
        tag = answer.headers["etag"]
        for sent in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
            again = api.get(path, headers={"If-None-Match": sent})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
            assert again.headers["cache-control"] == answer.headers["cache-control"] == "no-cache"
        assert api.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_tag_of_one_question_is_no_answer_to_another(api: TestClient) -> None:
    tag = api.get(PATHS[0]).headers["etag"]
    assert api.get("/api/v1/rates?area=ward:99999&period=2026-10", headers={"If-None-Match": tag}).status_code == 404


def test_what_only_an_office_sees_is_kept_by_no_shared_cache(cast: Cast) -> None:
    answer = cast.sign_in("ward").get(PATHS[0])
    assert answer.headers["cache-control"] == "private, no-cache" and "Cookie" in answer.headers["vary"]


def test_signing_in_and_being_looked_at_change_nothing(cast: Cast, api: TestClient) -> None:
    before = tags(api)
    cast.sign_in("board").get("/board/cho-a")
    assert tags(api) == before


@pytest.mark.parametrize("path", PATHS)
def test_a_monitor_may_ask_by_head(api: TestClient, path: str) -> None:
    """As GET answers it, without saying it."""
    told_, head = api.get(path), api.head(path)
    assert head.status_code == 200 and head.headers["etag"] == told_.headers["etag"]
    assert head.headers["content-type"] == told_.headers["content-type"]
    assert api.head(path, headers={"If-None-Match": head.headers["etag"]}).status_code == 304
    assert "head" not in api.get("/api/v1/openapi.json").json()["paths"][path.partition("?")[0]]
