"""Adding a provider is one file: the example in docs/providers.md works as it is printed."""

import hmac
import json
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from ground import clock
from ground.refusal import Refusal
from payments import providers

DOCUMENT = (Path(__file__).parent.parent / "docs" / "providers.md").read_text("utf-8")


def printed(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.S)
    return str(found)


@pytest.fixture
def example() -> Any:
    module = ModuleType("vitien")
    exec(compile(printed("python"), "docs/providers.md", "exec"), module.__dict__)
    return module


def test_the_printed_example_is_a_provider(example: Any) -> None:
    settings: Any = SimpleNamespace(vitien_secret=SecretStr("new,old"))
    body = printed("json").strip().encode()
    for secret in (b"new", b"old"):
        signature = hmac.digest(secret, body, "sha256").hex()
        example.verify({"x-vitien-signature": signature}, body, settings, clock.now())
        with pytest.raises(Refusal):
            example.verify({"x-vitien-signature": signature}, body + b" ", settings, clock.now())
    (told,) = example.translate(body)
    assert (told.provider, told.external_id, told.amount) == ("vitien", "VT-1001", 45_000)
    assert (told.bin, told.account, told.memo) == ("970436", "1000001", "mua rau")
    assert told.occurred_at.isoformat() == "2026-10-05T01:30:00+00:00"
    for name in ("txn", "paid", "to", "bank", "at"):
        fields = json.loads(body)
        del fields[name]
        with pytest.raises(Refusal) as refused:
            example.translate(json.dumps(fields).encode())
        assert refused.value.status == 400
    assert example.is_open(settings)
    assert not example.is_open(SimpleNamespace(vitien_secret=SecretStr(", ")))


def test_a_provider_is_found_by_its_name() -> None:
    found = providers.find()
    assert {"sepay", "casso", "payos"} <= found.keys()
    assert all(name == module.NAME for name, module in found.items())


def test_every_provider_has_a_test_file_and_a_row_in_the_document() -> None:
    folder = Path(__file__).parent
    for name in providers.find():
        assert (folder / f"test_{name}.py").exists() or name == "sepay", name  # SePay's is test_webhooks.py
        assert f"MARKET_{name.upper()}_" in DOCUMENT, name
