"""Nothing that the tests make the program write may hold a secret or a word of a payer: every test is read after it."""

from collections.abc import Generator
from typing import Any

import pytest

from tests import cards, rails
from tests.world import API_KEY, HMAC_SECRET

SECRETS = (API_KEY, HMAC_SECRET, rails.CASSO_KEY, rails.CASSO_TOKEN, rails.PAYOS_KEY, cards.KEY, cards.SECRET)
# What payers are called in the tests' payments, and what stands beside their names there.
PAYERS = ("Nguyen Van Payer", "0999888777", "NGUYEN VAN A", "8888888888", "payer@example.com", "Made-up Payer")
KEPT_SILENT = (*SECRETS, *PAYERS)


def leaks(written: str) -> list[str]:
    """What stands in this text and should not."""
    return [piece for piece in KEPT_SILENT if piece in written]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fails a test whose output, warnings or logs say too much, in whichever of its phases."""
    report = yield
    said = leaks("\n".join((report.capstdout, report.capstderr, report.caplog)))
    if said and report.passed:
        report.outcome = "failed"
        report.longrepr = f"what the test made the program write holds {said}"
    return report
