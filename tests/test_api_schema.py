"""The API against its own description: whatever is asked, no fault of ours and no answer that it does not tell of."""

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ground.store import Store
from main import House
from tests import cards, rails
from tests.world import Street, keep, post, told

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# What could be meant, beside what a description alone makes up.
MEANT = {
    "area": ["market:cho-a", "market:none", "ward:26506", "ward:00000", "province:79", "province:77", "market:", ":"],
    "period": ["2026-10", "2026-W41", "2026-10-05", "2026-Q3", "2026-H1", "2026-9M", "2026", "2027", "0000", "9999-12"],
    "boundaries": ["period", "current", "past"],
    "indicator": ["acceptance", "value_share", "cashless_value", "rate"],
    "from": ["2026-08", "2026-10", "2026-W41", "2026-10-05", "2027"],
    "to": ["2026-11", "2026-12", "2026-W42", "2026-10-12", "2026"],
    "cursor": ["2026-10", "0", "1"],
}
REQUIRED = ("area", "period", "indicator", "from", "to")
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)


@pytest.fixture
def api(books: Store, street: Street) -> Any:
    keep(books, [told(number, account="1000002") for number in range(1, 9)])
    post(books)
    settings = cards.keyed(books.settings).model_copy(update=rails.SECRETS)  # every rail is on
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", House(books._replace(settings=settings)))


@pytest.mark.slow
def test_whatever_is_asked_the_answer_is_one_that_is_described(api: Any) -> None:
    """Requests that fit the description and such that don't, made from it for every route and method."""
    seen = {found.ok().label: probe(found.ok()) for found in api.get_all_operations()}
    door = seen.pop("POST /webhooks/{provider}")
    assert all(answers[200] and answers[422] for answers in seen.values()), seen
    assert door[401] and not door[200], "nothing that was made up is authentic"


def probe(operation: Any) -> Counter[int]:
    """How often each status was the answer."""
    answers: Counter[int] = Counter()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @settings(
            max_examples=60, deadline=None, derandomize=True, phases=PHASES, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def ask(case: Any, data: st.DataObject) -> None:
            # In one order: what a draw gives depends on the draws before it, and a set's order on the process.
            is_plain = data.draw(st.booleans())
            for name in sorted(case.query or {}):
                if is_plain and name not in REQUIRED:
                    del case.query[name]
                elif name in MEANT and (is_plain or data.draw(st.integers(0, 4))):
                    case.query[name] = data.draw(st.sampled_from(MEANT[name]))
            answers[case.call_and_validate(checks=CHECKS).status_code] += 1

        ask()
    return answers
