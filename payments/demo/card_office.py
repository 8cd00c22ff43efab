"""The made-up card company's office: its API as Stripe's library asks it, the page for the card, and its counter."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ground import money, words
from ground.connection import Connection
from payments.demo.card_company import CardCompany, Thing, Wrong

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
_KEYS = re.compile(r"[^\[\]]+")


class Office:
    """The company's doors. Requests to the API need its key; a repeated one with the same idempotency key is one."""

    def __init__(self, company: CardCompany, key: str) -> None:
        self._company = company
        self._key = key
        self._answered: dict[str, tuple[Thing, Response]] = {}
        self._pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
        self.app = Starlette(
            routes=[
                Route("/v1/checkout/sessions", self._api(self._open_session), methods=["POST"]),
                Route("/v1/payment_intents/{id}", self._api(self._intent)),
                Route("/v1/balance_transactions", self._api(self._lines)),
                Route("/v1/refunds", self._api(self._refund), methods=["POST"]),
                Route("/pay/{id}", self._show_pay),
                Route("/pay/{id}", self._take_pay, methods=["POST"]),
                Route("/", self._show_counter),
                Route("/", self._do, methods=["POST"]),
            ]
        )

    def _api(self, answer: Callable[[Request, Thing], Thing]) -> Callable[[Request], Any]:
        async def answered(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {self._key}":
                return _refuse(Wrong("No such API key.", "api_key_invalid", 401))
            asked = unfold((await request.form()).multi_items() or request.query_params.multi_items())
            key = f"{request.url.path} {request.headers.get('idempotency-key', '')}"
            with self._company.lock:
                if key in self._answered and self._answered[key][0] == asked:
                    return self._answered[key][1]
                if key in self._answered:
                    return _refuse(
                        Wrong("Another request had this key.", "idempotency_key_in_use"), "idempotency_error"
                    )
                try:
                    response = JSONResponse(answer(request, asked))
                except Wrong as wrong:
                    return _refuse(wrong)
                except (KeyError, ValueError) as error:
                    return _refuse(Wrong(f"No such thing: {error}", "resource_missing", 404))
                if "idempotency-key" in request.headers and request.method == "POST":
                    self._answered[key] = (asked, response)
                return response

        return answered

    def _open_session(self, request: Request, asked: Thing) -> Thing:
        return self._company.open_session(asked)

    def _intent(self, request: Request, asked: Thing) -> Thing:
        intent = {**self._company.intents[request.path_params["id"]]}
        wanted = list(asked.get("expand", {}).values())
        charge = self._company.charges.get(intent["latest_charge"] or "")
        if charge is not None and any(each.startswith("latest_charge") for each in wanted):
            intent["latest_charge"] = {**charge}
            if "latest_charge.balance_transaction" in wanted:
                intent["latest_charge"]["balance_transaction"] = self._company.lines[charge["balance_transaction"]]
        return intent

    def _lines(self, request: Request, asked: Thing) -> Thing:
        """The newest first, a page at a time."""
        if "payout" in asked and asked["payout"] not in self._company.payouts:
            raise KeyError(asked["payout"])
        lines = [line for line in self._company.lines.values() if asked.get("payout") in (None, line["payout"])][::-1]
        ids = [line["id"] for line in lines]
        begin = ids.index(asked["starting_after"]) + 1 if "starting_after" in asked else 0
        page = lines[begin : begin + int(asked.get("limit", 10))]
        if "data.source" in asked.get("expand", {}).values():
            page = [line | {"source": self._company.source_of(line) or line["source"]} for line in page]
        more = begin + len(page) < len(lines)
        return {"object": "list", "url": "/v1/balance_transactions", "has_more": more, "data": page}

    def _refund(self, request: Request, asked: Thing) -> Thing:
        return self._company.refund(asked["charge"], int(asked["amount"]))

    async def _show_pay(self, request: Request) -> Response:
        session = self._company.sessions.get(request.path_params["id"])
        if session is None or session["status"] != "open":
            return self._page(request, "card_company_over.html", 404)
        return self._page(request, "card_company_pay.html", purchase=session)

    async def _take_pay(self, request: Request) -> Response:
        form = await request.form()
        id = request.path_params["id"]
        with self._company.lock:
            session = self._company.sessions.get(id)
            if session is None or session["status"] != "open":
                return self._page(request, "card_company_over.html", 404)
            if form.get("choice") != "pay":
                return RedirectResponse(session["cancel_url"], 303)
            self._company.pay(id)
        return RedirectResponse(session["success_url"], 303)

    async def _show_counter(self, request: Request) -> Response:
        with self._company.lock:
            open_ = {each["charge"]: each for each in self._company.disputes.values()}
            charges = [{**each, "dispute": open_.get(each["id"])} for each in self._company.charges.values()][::-1]
            payouts = [
                {**each, "shown": f"US$ {each['amount'] // 100}.{each['amount'] % 100:02d}"}
                for each in self._company.payouts.values()
            ]
            return self._page(request, "card_company.html", charges=charges, payouts=payouts)

    async def _do(self, request: Request) -> Response:
        """What the shopkeeper, the payer's bank or the company itself does with a charge."""
        form = await request.form()
        id, amount = str(form.get("id", "")), re.sub(r"\D", "", str(form.get("amount", "")))
        deeds: dict[str, Callable[[], Any]] = {
            "refund": lambda: self._company.refund(id, int(amount)),
            "dispute": lambda: self._company.dispute(id),
            "won": lambda: self._company.close_dispute(id, won=True),
            "lost": lambda: self._company.close_dispute(id, won=False),
            "pay_out": self._company.pay_out,
        }
        try:
            with self._company.lock:
                deeds[str(form.get("deed"))]()
        except (Wrong, KeyError, ValueError):
            return self._page(request, "card_company_over.html", 422)
        return RedirectResponse("/", 303)

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        language = "vi" if request.headers.get("accept-language", "vi").startswith("vi") else "en"

        def t(key: str, /, **params: object) -> str:
            return words.say(key, language, **params)

        def show(amount: int) -> str:
            return money.show(amount, language)

        shown = self._pages.get_template(template).render(t=t, language=language, show=show, **values)
        return HTMLResponse(shown, status)


def unfold(pairs: list[tuple[str, Any]]) -> Thing:
    """`a[0][b]=c` as nested tables; `a[]` counts by itself."""
    found: Thing = {}
    for name, value in pairs:
        *path, last = _KEYS.findall(name)
        inner = found
        for key in path:
            inner = inner.setdefault(key, {})
        if name.endswith("[]"):
            inner = inner.setdefault(last, {})
            last = str(len(inner))
        inner[last] = str(value)
    return found


def _refuse(wrong: Wrong, type: str = "invalid_request_error") -> Response:
    return JSONResponse({"error": {"type": type, "code": wrong.code, "message": str(wrong)}}, wrong.status)


@contextmanager
def serving(app: Any, port: int = 0) -> Iterator[int]:
    """An ASGI app open on this machine, on a free port unless one is named; its port."""
    options: dict[str, Any] = {"log_level": "warning", "access_log": False, "http": Connection}
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, **options))
    thread = threading.Thread(target=server.run, name="card-office", daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    try:
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=10)
