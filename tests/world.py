"""Builders: a small market, its payments as SePay tells them, and the signatures that go with them."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from sqlmodel import Session

from ground import clock
from ground.store import Store
from merchants import code, market, roll
from merchants.market import Market
from payments import notice, posting
from payments.providers import sepay

API_KEY = "key-of-the-tests"
HMAC_SECRET = "secret-of-the-tests"
VUNG_TAU = "26506"  # Phường Vũng Tàu since 2025-07-01
VIETCOMBANK = "970436"

HEADINGS = (
    "Số sạp;Khu;Ngành hàng;Chủ hộ;Điện thoại;Trạng thái;Từ ngày;Ngân hàng;Số tài khoản;Chủ tài khoản;Tài khoản ảo"
)
STREET = """
A1;A;Rau;Cô Ba;0912000001;;;VCB;1000001;NGUYEN THI BA;
A2;A;Cá;Chú Tư;0912000002;;;VCB;1000002;TRAN VAN TU;
B1;B;Vải;Lê Thị Sáu;0912000003;;;VCB;1000003;LE THI SAU;
B2;B;Vải;Lê Văn Bảy;0912000004;;;VCB;1000003;LE THI SAU;
C1;C;Gạo;Dì Năm;0912000005;;;BIDV;1000005;PHAM THI NAM;VA0005
D1;D;Trái cây;Ông Chín;0912000006;;;;;;
E1;E;;;;trống;;;;;
"""


@dataclass
class Street:
    """A market and its codes by stall number."""

    market: Market
    codes: dict[str, dict[str, Any]]

    def token(self, stall: str) -> str:
        return str(self.codes[stall]["token"])


def build_street(
    session: Session, *, code_: str = "cho-a", ward: str = VUNG_TAU, since: date = date(2026, 1, 1)
) -> Street:
    found = market.add(session, code_, f"Chợ {code_}", ward, since=since)
    import_roll(session, found, STREET)
    code.issue(session, found, since=since)
    session.commit()
    return find_street(session, code_)


def find_street(session: Session, code_: str = "cho-a") -> Street:
    """A street that was built already."""
    found = market.find(session, code_)
    return Street(found, {row["stall"]: row for row in code.every(session, found)})


def import_roll(session: Session, found: Market, rows: str, **options: Any) -> roll.Imported:
    """Import semicolon-separated rows under HEADINGS."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "roll.csv"
        file.write_text(f"{HEADINGS}\n{rows.strip()}\n", "utf-8")
        return roll.take_in(session, found, file, **options)


def told(
    id: int,
    amount: int = 20_000,
    *,
    account: str = "1000001",
    memo: str = "",
    at: str = "2026-10-05 08:30:00",
    gateway: str = "Vietcombank",
    virtual: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A payment as SePay's JSON tells it."""
    return {
        "id": id,
        "gateway": gateway,
        "transactionDate": at,
        "accountNumber": account,
        "code": None,
        "content": memo,
        "transferType": "in",
        "transferAmount": amount,
        "accumulated": 0,
        "subAccount": virtual,
        "referenceCode": f"MBVCB.{id}",
        "description": "",
        **more,
    }


def signed(body: bytes, secret: str = HMAC_SECRET, at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-SePay-Timestamp": stamp, "X-SePay-Signature": f"sha256={digest}"}


def raw(payment: dict[str, Any]) -> bytes:
    return json.dumps(payment, ensure_ascii=False).encode()


def keep(books: Store, payments: Iterable[dict[str, Any]], received_at: datetime | None = None) -> int:
    """Keep payments as the door would, in one commit."""
    rows = []
    for payment in payments:
        (found,) = sepay.translate(raw(payment))
        rows.append(notice.seal(found, books.vault, received_at or clock.now()))
    with psycopg.connect(books.url, options="-c timezone=UTC") as connection:
        return notice.keep(connection, rows)


def post(books: Store) -> int:
    with books.session() as session:
        return posting.post_all(session)


def three_and_one(books: Store, *, alone: str = "2026-09-30") -> None:
    """Three stalls sold on 5 October 2026, one by itself on another day: what is shown, and what is hidden."""
    sales = [
        told(1, 40_000, account="1000001", at="2026-10-05 08:00:00"),
        told(2, 30_000, account="1000002", at="2026-10-05 08:00:00"),
        told(3, 50_000, account="1000005", gateway="BIDV", virtual="VA0005", at="2026-10-05 08:00:00"),
        told(4, 7_770, account="1000001", at=f"{alone} 09:00:00"),
    ]
    keep(books, sales)
    post(books)
