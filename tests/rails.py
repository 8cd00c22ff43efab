"""The other rails' messages: Casso's and payOS's payments as they tell them, and the signatures that go with them."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text
from starlette.testclient import TestClient

from ground.store import Store
from main import House

CASSO_KEY = "casso-key-of-the-tests"
CASSO_TOKEN = "casso-token-of-the-tests"
PAYOS_KEY = "payos-key-of-the-tests"
STAMP = "1727948258788"

SECRETS = {
    "casso_checksum_key": SecretStr(CASSO_KEY),
    "casso_secure_token": SecretStr(CASSO_TOKEN),
    "payos_checksum_key": SecretStr(PAYOS_KEY),
}


@contextmanager
def door(books: Store, **secrets: Any) -> Iterator[TestClient]:
    """The whole app with these secrets set beside the tests' own."""
    chosen = {name: value if value is None else SecretStr(value) for name, value in secrets.items()}
    opened = books._replace(settings=books.settings.model_copy(update={**SECRETS, **chosen}))
    with TestClient(House(opened), raise_server_exceptions=False) as client:
        yield client


def casso_v2(id: Any, amount: Any = 20_000, **more: Any) -> dict[str, Any]:
    """A payment as Casso's second version tells it."""
    fields = {
        "id": id,
        "reference": f"FT{id}",
        "description": "mua rau",
        "amount": amount,
        "runningBalance": 25_000_000,
        "transactionDateTime": "2026-10-05 08:30:00",
        "accountNumber": "1000001",
        "bankName": "Vietcombank",
        "bankAbbreviation": "VCB",
        "virtualAccountNumber": "",
        "virtualAccountName": "",
        "counterAccountName": "NGUYEN VAN A",
        "counterAccountNumber": "8888888888",
        "counterAccountBankId": "970415",
        "counterAccountBankName": "VietinBank",
    }
    return {"error": 0, "data": fields | more}


def casso_v1(*ids: int, **more: Any) -> dict[str, Any]:
    """Several payments as Casso's first version tells them."""
    rows = [
        {
            "id": id,
            "tid": f"TF{id}",
            "amount": 20_000,
            "description": "DH35",
            "cusum_balance": 15_900_500,
            "when": "2026-10-05",
            "subAccId": "1000001",
            "bank_sub_acc_id": "1000001",
        }
        for id in ids
    ]
    return {"error": 0, "data": [row | more for row in rows]}


def payos(order: int, amount: Any = 20_000, **more: Any) -> dict[str, Any]:
    """The `data` of a payment as payOS tells it."""
    fields = {
        "orderCode": order,
        "amount": amount,
        "description": "VQRIO123",
        "accountNumber": "1000001",
        "reference": f"TF{order}",
        "transactionDateTime": "2026-10-05 08:30:00",
        "currency": "VND",
        "paymentLinkId": "124c33293c43417ab7879e14c8d9eb18",
        "code": "00",
        "desc": "Thành công",
        "counterAccountBankId": "",
        "counterAccountBankName": None,
        "counterAccountName": "",
        "counterAccountNumber": "",
        "virtualAccountName": "",
        "virtualAccountNumber": "",
    }
    return fields | more


def body(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def casso_signed(told: Any, key: str = CASSO_KEY, *, ascii: bool = False, stamp: str = STAMP) -> dict[str, str]:
    """As Casso's samples do it, in JavaScript or (`ascii`) in Python."""
    signed = json.dumps(told, ensure_ascii=ascii, separators=(",", ":"), sort_keys=True)
    return {"X-Casso-Signature": casso_header(signed, key, stamp)}


def casso_header(signed: str, key: str = CASSO_KEY, stamp: str = STAMP) -> str:
    digest = hmac.new(key.encode(), f"{stamp}.{signed}".encode(), hashlib.sha512).hexdigest()
    return f"t={stamp},v1={digest}"


def payos_signed(data: dict[str, Any], key: str = PAYOS_KEY) -> dict[str, Any]:
    """The whole body round `data`."""
    text = "&".join(f"{name}={'' if data[name] is None else data[name]}" for name in sorted(data))
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {"code": "00", "desc": "success", "success": True, "data": data, "signature": digest}


def kept(books: Store) -> list[Any]:
    """All notices in the order they were kept."""
    with books.engine.connect() as connection:
        return list(connection.execute(text("SELECT * FROM notice ORDER BY id")))
