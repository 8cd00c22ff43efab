"""SePay's API of past transactions: one question at a time, asked politely and again where that may help.

`GET {base}/userapi/transactions/list` with `Authorization: Bearer TOKEN` is version 1 of that API, which SePay keeps
working beside version 2. From SePay's public documentation, November 2026: the parameters account_number,
transaction_date_min (>=), transaction_date_max (<=), since_id (>=) and limit (at most 5,000); amounts as text with two
decimals; HTTP 200 for errors too, their number in `status`, and 200 with an empty body for a token that is not
accepted; above 2 (elsewhere: 3) questions a second 429, with the seconds to wait in x-sepay-userapi-retry-after.
"""

import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx2 as httpx
import orjson

from ground.refusal import Refusal
from ground.settings import Settings, secret_values

PATH = "/userapi/transactions/list"
LIMIT = 5000
SECONDS_BETWEEN = 0.5
PAUSES = (1, 2, 4, 8, 16)  # seconds before each further try
WAIT_MAX = 120
LARGEST_ANSWER = 64 * 2**20
SLOWEST_ANSWER = 120
_TIMEOUT = httpx.Timeout(30, connect=10)
_NOT_ACCEPTED = (401, 403)
_QUOTED = 200

Row = dict[str, Any]


class Answer(NamedTuple):
    """`status`: 200 or an error's number. `wait`: seconds, where the server says how long. `quoted`: how it begins."""

    status: int
    told: dict[str, Any]
    wait: float
    quoted: str


class SepayApi:
    """What SePay knows of one account number. `say_wait` hears the seconds of every longer wait."""

    def __init__(self, settings: Settings, number: str, say_wait: Callable[[float], None]) -> None:
        self._tokens = [token.decode() for token in secret_values(settings.sepay_api_token)]
        if not self._tokens:
            raise Refusal("fetch.no_token")
        self.base = settings.sepay_api_base.rstrip("/")
        if not self.base.startswith(("https://", "http://")):
            raise Refusal("fetch.bad_base", base=self.base)
        self.number = number
        self._say_wait = say_wait
        self._asked_at = 0.0
        self._client = httpx.Client(timeout=_TIMEOUT, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, **filters: str | int) -> list[Row]:
        """The rows of one answer. Refuses what waiting doesn't mend; what it may is asked again with growing pauses."""
        params = {"account_number": self.number, "limit": LIMIT, **filters}
        reason = ""
        for pause in (*PAUSES, None):
            try:
                answer = self._get_with_any_token(params)
            except httpx.TransportError as error:
                reason, wait = type(error).__name__, 0.0
            else:
                if answer.status != 429 and answer.status < 500:
                    return self._read(answer)
                reason, wait = f"HTTP {answer.status}", answer.wait
            if pause is not None:
                self._wait(min(max(pause, wait), WAIT_MAX))
        raise Refusal("fetch.no_answer", status=502, base=self.base, reason=reason)

    def _get_with_any_token(self, params: Mapping[str, str | int]) -> Answer:
        """While a token is being changed there are two of them; the first that is accepted is kept to."""
        while True:
            answer = self._get(params)
            if answer.status not in _NOT_ACCEPTED:
                return answer
            del self._tokens[0]
            if not self._tokens:
                raise Refusal("fetch.bad_token", status=401)

    def _get(self, params: Mapping[str, str | int]) -> Answer:
        """No redirect is followed: the token is for this address alone."""
        self._keep_pace()
        headers = {"Authorization": f"Bearer {self._tokens[0]}", "Accept": "application/json"}
        ends = time.monotonic() + SLOWEST_ANSWER
        body = bytearray()
        url = self.base + PATH
        with self._client.stream("GET", url, params=params, headers=headers) as answer:
            for part in answer.iter_bytes():
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise _unreadable(f"> {LARGEST_ANSWER // 2**20} MB")
                if time.monotonic() > ends:
                    raise httpx.ReadTimeout("too slow")
            return _answer(answer.status_code, answer.headers, bytes(body))

    def _read(self, answer: Answer) -> list[Row]:
        told = answer.told
        if answer.status == 404:
            raise Refusal("fetch.unknown_account", status=404, account=self.number, base=self.base)
        if answer.status != 200:
            said = str(told.get("error") or told.get("message") or "–")[:_QUOTED]
            raise Refusal("fetch.refused", status=502, base=self.base, code=answer.status, reason=said)
        rows = told.get("transactions")
        if not isinstance(rows, list):
            raise _unreadable(answer.quoted)
        for row in rows:
            self._check(row)
        return rows

    def _check(self, row: object) -> None:
        """A server that doesn't heed the account asked for is not to be believed."""
        if not isinstance(row, dict) or not str(row.get("id", "")).isdecimal():
            raise _unreadable(str(row)[:60])
        try:
            datetime.fromisoformat(moment_of(row))
        except ValueError as error:
            raise _unreadable(f"id {row['id']}: transaction_date = {moment_of(row)[:40]}") from error
        told = str(row.get("account_number"))
        if told != self.number:
            raise Refusal("fetch.other_account", account=self.number, id=row["id"], told=told[:40])

    def _keep_pace(self) -> None:
        time.sleep(max(0.0, self._asked_at + SECONDS_BETWEEN - time.monotonic()))
        self._asked_at = time.monotonic()

    def _wait(self, seconds: float) -> None:
        self._say_wait(seconds)
        time.sleep(seconds)


def moment_of(row: Row) -> str:
    """As SePay writes it, `2026-10-05 14:02:37`, in Việt Nam's time."""
    return str(row.get("transaction_date"))


def day_of(row: Row) -> date:
    return date.fromisoformat(moment_of(row)[:10])


def _answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """An error's number may stand in the document alone, and nothing at all means: token not accepted."""
    try:
        document = orjson.loads(body) if body.strip() else None
    except orjson.JSONDecodeError:
        document = None
    told: dict[str, Any] = document if isinstance(document, dict) else {}
    inner = told.get("status")
    if status == 200:
        status = 401 if not body.strip() else inner if isinstance(inner, int) else 200
    wait = headers.get("x-sepay-userapi-retry-after") or headers.get("retry-after") or ""
    quoted = " ".join(body[:60].decode("utf-8", "replace").split())
    return Answer(status, told, float(wait) if wait.isdecimal() else 0.0, quoted)


def _unreadable(what: str) -> Refusal:
    return Refusal("fetch.unreadable", status=502, what=what)
