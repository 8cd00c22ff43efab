"""A vendor brings her own account's statement in, under a consent that is written down."""

from datetime import timedelta

import pytest
from httpx2 import Response
from sqlalchemy import text
from sqlmodel import select

from payments.consent import Consent
from portal import throttle
from portal.throttle import Pace
from tests import bank_book
from tests.bank_book import sales
from tests.cast import Cast
from tests.paper_statement import Paid, at, bilingual, csv_bytes

STORY = (Paid(at(5), 35_000, "FT26278000000001"), Paid(at(6), 50_000, "FT26279000000002"))
PAGE = "/stall/statement"


def own_account(cast: Cast, number: str = "1000001") -> str:
    with cast.books.engine.connect() as connection:
        return str(connection.execute(text("SELECT id FROM account WHERE number = :n"), {"n": number}).scalar_one())


def send(cast: Cast, **fields: str) -> Response:
    files = {"file": ("saoke.csv", csv_bytes(bilingual(STORY)))}
    return cast.sign_in("vendor").submit(PAGE, PAGE, files=files, **fields)


def test_her_statement_is_taken_in_once_and_her_consent_written_down(cast: Cast) -> None:
    for new in (2, 0):
        answer = send(cast, account=own_account(cast), agreed="true")
        assert answer.status_code == 200 and f"{new} dòng mới" in answer.text
    bank_book.reconcile(cast.books)
    assert [row[:3] for row in sales(cast.books)] == [("A1", "2026-10-05", 35_000), ("A1", "2026-10-06", 50_000)]
    with cast.books.session() as session:
        given = session.exec(select(Consent)).all()
        by = session.execute(text("SELECT DISTINCT imported_by FROM statement")).scalars().all()
    assert [each.wording.startswith("Tôi đồng ý") for each in given] == [True, True]
    assert by == [given[0].who]


def test_nothing_is_read_without_consent_nor_into_anothers_account(cast: Cast) -> None:
    assert send(cast, account=own_account(cast)).status_code == 422
    answer = send(cast, account=own_account(cast, "1000002"), agreed="true")
    assert answer.status_code in (404, 422)
    with cast.books.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM statement_line")).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM consent")).scalar_one() == 0


def test_files_without_end_have_to_wait(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "UPLOAD", Pace("upload", 2, timedelta(minutes=1), timedelta(minutes=15)))
    answers = [send(cast, account=own_account(cast), agreed="true") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 50 < int(answers[-1].headers["retry-after"]) <= 60
    assert cast.sign_in("vendor").get(PAGE).status_code == 200  # looking is free
