"""What somebody does at the operator's cost has an end: messages, photos, figures counted anew."""

import pytest
from starlette.testclient import TestClient

from ground import clock, words
from merchants import vietqr
from portal import api_key, throttle, turnstile
from tests.applicant import LAN, ask, fields, number_in
from tests.cast import VENDOR_PHONE, Browser, Cast
from tests.messages import Log, told
from tests.test_throttle import FEW, few
from tests.world import VIETCOMBANK

RATES = "/api/v1/rates?area=market:cho-a&period=2026-10"


def test_a_helper_sends_no_slips_and_codes_without_end(cast: Cast, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = cast.sign_in("helper")
    few(monkeypatch, "TOLD")
    made = [helper.submit("/field/cho-a/slip", number="A1") for _ in range(FEW + 1)]
    assert [each.status_code for each in made] == [200] * FEW + [429]
    assert len(told(log, VENDOR_PHONE)) == FEW and "900" in made[-1].text
    number = number_in(helper.submit("/field/cho-a/application", **fields(phone=LAN)))
    page, form = f"/field/cho-a/application/consent?number={number}", "/field/cho-a/application"
    slips = [helper.submit(page, f"{form}/slip", number=str(number)).status_code for _ in range(FEW + 1)]
    assert slips == [200] * FEW + [429]
    assert len(told(log, LAN)) == 1 + FEW
    monkeypatch.setattr(throttle, "HELPER", throttle.HELPER._replace(name="another", free=1))
    assert helper.submit(page, f"{form}/message", number=str(number)).status_code == 303
    resent = ask(cast, "SELECT subject, after FROM audit WHERE what = 'application.code'")
    assert resent == [(f"application:{number}", {"sent": "again"})]
    assert helper.submit(page, f"{form}/message", number=str(number)).status_code == 429
    assert helper.submit("/field/cho-a/slip", number="A2").status_code == 429
    assert cast.sign_in("board").submit("/field/cho-a/slip", number="A2").status_code == 200


def test_a_strange_code_looked_at_again_and_again_is_kept_each_time_and_told_a_few_times(
    cast: Cast, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "TOLD", "INSPECTION")
    monkeypatch.setattr(throttle, "INSPECTION", throttle.INSPECTION._replace(free=FEW + 2))
    strange = vietqr.write(bin=VIETCOMBANK, account="666666666", token=cast.street.token("A1"))
    helper = cast.sign_in("helper")
    seen = [helper.submit("/field/cho-a/inspection", payload=strange).status_code for _ in range(FEW + 3)]
    assert seen == [303] * (FEW + 2) + [429]
    assert ask(cast, "SELECT count(*) FROM inspection WHERE verdict = 'foreign'") == [(FEW + 2,)]
    assert len(told(log, VENDOR_PHONE)) == FEW


def test_workbooks_of_decisions_are_not_read_without_end(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, "UPLOAD")
    board, page = cast.sign_in("board"), "/board/cho-a/findings"
    sent = [board.submit(page, f"{page}/decisions", files={"file": ("a.xlsx", b"x")}) for _ in range(FEW + 1)]
    assert 429 not in [each.status_code for each in sent[:-1]]
    assert sent[-1].status_code == 429 and sent[-1].headers["retry-after"] == "900"


def test_who_asks_for_figures_without_a_key_is_counted_by_address(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turnstile, "PER_MINUTE", 4)
    reader = cast.stranger()
    paths = (RATES, "/api/v1/scoreboard?area=province:79&period=2026-10", "/open/structure.json", "/open/")
    assert [reader.get(path).status_code for path in paths] == [200] * 4
    beyond = reader.get(RATES)
    assert (beyond.status_code, beyond.headers["content-type"]) == (429, "application/problem+json")
    assert beyond.json()["code"] == "turnstile.too_often" and 0 < int(beyond.headers["retry-after"]) <= 60
    for language in ("vi", "en"):
        page = reader.get(f"/open/?lang={language}")
        wait = page.headers["retry-after"]
        assert page.status_code == 429 and words.say("turnstile.too_often", language, most=4, wait=wait) in page.text
    assert reader.get(RATES, headers={"Authorization": "Bearer m40_wrong"}).status_code == 429
    with cast.books.session() as session:
        _, key = api_key.make(session, cast.books.vault, "IOC", "province:79", by="test", at=clock.now())
        session.commit()
    assert reader.get(RATES, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    neighbour = Browser(TestClient(cast.app, client=("203.0.113.7", 1)))
    assert neighbour.get(RATES).status_code == 200
    assert reader.get("/markets/cho-a").status_code == 200
    monkeypatch.setattr(turnstile, "MINUTE", turnstile.MINUTE * 0)
    assert reader.get(RATES).status_code == 200  # the next minute
    described = reader.get("/api/v1/openapi.json").json()["paths"]["/api/v1/rates"]["get"]["responses"]
    assert "Retry-After" in described["429"]["headers"]
