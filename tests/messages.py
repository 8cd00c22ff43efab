"""The messages that left: without a setting the operator's log is the delivery, and every one stands in it."""

import re

import structlog

Log = list[structlog.typing.EventDict]


def told(log: Log, phone: str) -> list[str]:
    """What a phone was told, in order."""
    return [each["text"] for each in log if each.get("to") == f"…{phone[-4:]}"]


def code_for(log: Log, phone: str) -> str:
    """The code in the last message to a phone."""
    found = re.search(r"\b\d{6}\b", told(log, phone)[-1])
    assert found is not None
    return found[0]
