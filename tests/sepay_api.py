"""A fake of SePay's transaction API over real HTTP, with all that its documentation leaves open to be chosen."""

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

Row = dict[str, Any]
TOKEN = "token-of-the-tests"
PATH = "/userapi/transactions/list"


class SepayFake:
    """Answers on a free port of this machine until it is left.

    newest_first, most: the order of rows, and how many an answer has at most whatever is asked for.
    whole_days: whether a bare day as transaction_date_max counts to its end; knows_times: whether a time is heeded.
    refuses: how a wrong token is told of. troubles: what befalls the next questions, one each: a status, "cut", or a
    whole body. before: called with the filters before each answer.
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = list(rows)
        self.newest_first, self.most, self.whole_days, self.knows_times = True, 5000, True, True
        self.tokens = {TOKEN}
        self.refuses: Literal["empty", "401", "inner"] = "empty"
        self.troubles: list[int | bytes | Literal["cut"]] = []
        self.wait_header: tuple[str, str] | None = ("x-sepay-userapi-retry-after", "0")
        self.before: Callable[[dict[str, str]], None] = lambda filters: None
        self.asked: list[dict[str, str]] = []
        self.seen_tokens: list[str] = []

    def __enter__(self) -> Self:
        fake = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with suppress(ConnectionError):  # who asked was killed meanwhile
                    fake.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        return {"MARKET_SEPAY_API_BASE": self.address, "MARKET_SEPAY_API_TOKEN": TOKEN}

    def answer(self, door: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(door.path)
        filters = dict(parse_qsl(parts.query))
        token = (door.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.asked.append(filters)
        self.seen_tokens.append(token)
        self.before(filters)
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble == "cut":
            door.send_response(200)
            door.send_header("Content-Length", "1000")
            door.end_headers()
            door.wfile.write(b'{"status":200,"tra')
            door.wfile.flush()
            door.close_connection = True
        elif isinstance(trouble, bytes):
            _send(door, 200, trouble)
        elif isinstance(trouble, int):
            _send(door, trouble, b'{"status":%d,"error":"trouble"}' % trouble, self.wait_header)
        elif parts.path != PATH:
            _send(door, 404, b"<html>not found</html>")
        elif token not in self.tokens:
            refusal = {
                "empty": (200, b""),
                "401": (401, b"{}"),
                "inner": (200, b'{"status":401,"error":"Unauthorized"}'),
            }
            _send(door, *refusal[self.refuses])
        else:
            told = {"status": 200, "error": None, "messages": {"success": True}, "transactions": self.choose(filters)}
            _send(door, 200, json.dumps(told, ensure_ascii=False).encode())

    def choose(self, filters: dict[str, str]) -> list[Row]:
        rows = [
            row for row in self.rows if row["account_number"] == filters.get("account_number", row["account_number"])
        ]
        rows = [row for row in rows if int(row["id"]) >= int(filters.get("since_id", 0))]
        first, last = filters.get("transaction_date_min", ""), filters.get("transaction_date_max", "9")
        if not self.knows_times:
            first, last = first[:10], last[:10]
        if self.whole_days and len(last) == 10:
            last += " 23:59:59"
        rows = [row for row in rows if first <= row["transaction_date"] <= last]
        rows.sort(key=lambda row: int(row["id"]), reverse=self.newest_first)
        return rows[: min(self.most, int(filters.get("limit", 5000)))]


def _send(door: BaseHTTPRequestHandler, status: int, body: bytes, header: tuple[str, str] | None = None) -> None:
    door.send_response(status)
    if header:
        door.send_header(*header)
    door.send_header("Content-Type", "application/json")
    door.send_header("Content-Length", str(len(body)))
    door.end_headers()
    door.wfile.write(body)


def transaction(
    id: int, amount: int, at: str, *, account: str = "1000001", memo: str = "", balance: int = 0, **more: Any
) -> Row:
    """As the API tells it; `amount` below 0 is money going out."""
    return {
        "id": str(id),
        "bank_brand_name": "Vietcombank",
        "account_number": account,
        "transaction_date": at,
        "amount_out": f"{max(-amount, 0)}.00",
        "amount_in": f"{max(amount, 0)}.00",
        "accumulated": f"{balance}.00",
        "transaction_content": memo,
        "reference_number": f"FT{id}",
        "code": None,
        "sub_account": None,
        "bank_account_id": "19",
        **more,
    }


def history(
    moments: Sequence[str], amounts: Sequence[int], *, first_id: int = 100, opening: int | None = None, **more: Any
) -> list[Row]:
    """Transactions one after the other, with running balances where an opening one is told."""
    rows, balance = [], opening or 0
    for number, (moment, amount) in enumerate(zip(moments, amounts, strict=True)):
        balance += amount
        told = balance if opening is not None else 0
        rows.append(transaction(first_id + number, amount, moment, memo=f"memo {number}", balance=told, **more))
    return rows
