"""A record's number from outside: whatever stands for one, no door breaks over it."""

from collections.abc import Iterator
from typing import Any, get_args

from fastapi.routing import iter_route_contexts
from hypothesis import given
from hypothesis import strategies as st

from ground import record_number
from portal.access import need_of
from tests.cast import Cast
from tests.test_access import AT_HOME, TABLE, fill

BEYOND = ("9" * 31, "-" + "9" * 31)


@given(st.one_of(st.text(max_size=25), st.integers().map(str), st.from_regex(r"[0-9]{15,22}", fullmatch=True)))
def test_only_what_a_record_can_have_is_read(told: str) -> None:
    number = record_number.read(told)
    if number is None:
        assert not told.isascii() or not told.strip().isdecimal() or not 0 < int(told) < 2**63
    else:
        assert str(number) == told.strip().lstrip("0") and 0 < number < 2**63


def numbered(cast: Cast) -> Iterator[tuple[str, str, Any, str, bool]]:
    """(method, path, need, field, whether it stands in the address) of each number that a door takes."""
    for context in iter_route_contexts(cast.app.routes):
        route = context.original_route
        dependant = getattr(route, "dependant", None)
        told = () if dependant is None else ((dependant.query_params, True), (dependant.body_params, False))
        for fields, in_address in told:
            for field in fields:
                kind = field.field_info.annotation
                if kind is int or int in get_args(kind):
                    for method in route.methods:
                        yield method, str(context.path), need_of(route), field.alias, in_address


def test_no_door_breaks_over_a_number_that_no_record_can_have(cast: Cast) -> None:
    broken = []
    people = {who: cast.sign_in(who) for who in ("vendor", "helper", "operator")}
    headers = {who: {"x-form-token": browser.token("/account")} for who, browser in people.items()}
    for method, path, need, field, in_address in numbered(cast):
        who = min(TABLE[f"{method} {path}".replace("HEAD", "GET")] & people.keys())
        address = fill(path, need, AT_HOME)
        for wrong in BEYOND:
            where: dict[str, Any] = {"params": {field: wrong}} if in_address else {"data": {field: wrong}}
            answer = people[who].client.request(method, address, headers=headers[who], follow_redirects=False, **where)
            if answer.status_code >= 500:
                broken.append((method, address, field, wrong[:8], answer.status_code))
    assert broken == []
