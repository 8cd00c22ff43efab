"""Whose money is it: the five rules, one story each, and all of them against an oracle."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from merchants.stall import Service
from payments.attribution import Directory, Receipt, attribute

DAY = date(2026, 10, 5)
OPENING = date(2026, 1, 1)


def service(
    number: str,
    stall_id: int,
    *,
    virtual: bool = False,
    bin: str = "970436",
    since: date = OPENING,
    until: date | None = None,
) -> Service:
    return Service(bin, number, virtual, stall_id, 1, OPENING, since, until)


def directory(*services: Service, **tokens: int) -> Directory:
    by_number: dict[str, list[Service]] = {}
    for each in services:
        by_number.setdefault(each.number, []).append(each)
    return Directory(by_number, tokens)


def receipt(
    account: str,
    *tokens: str,
    virtual: str | None = None,
    bin: str | None = "970436",
    day: date = DAY,
) -> Receipt:
    return Receipt(account, virtual, bin, day, tokens)


def test_a_virtual_account_names_its_stall() -> None:
    known = directory(service("100", 1), service("VA7", 7, virtual=True))
    assert attribute(receipt("100", virtual="VA7"), known).stall_id == 7
    assert attribute(receipt("VA7"), known).stall_id == 7


def test_a_foreign_token_never_moves_a_virtual_accounts_money_but_is_looked_into() -> None:
    found = attribute(receipt("100", "T1", virtual="VA7"), directory(service("VA7", 7, virtual=True), T1=1))
    assert (found.stall_id, found.finding, found.foreign) == (7, "ambiguous", ("T1",))


def test_an_account_that_serves_one_stall_needs_no_token() -> None:
    known = directory(service("100", 1), T1=1)
    assert attribute(receipt("100"), known).stall_id == 1
    assert attribute(receipt("100", "T1"), known) == attribute(receipt("100"), known)


def test_the_token_chooses_among_the_stalls_of_one_account() -> None:
    known = directory(service("100", 1), service("100", 2), T1=1, T2=2)
    assert attribute(receipt("100", "T2"), known).stall_id == 2


def test_several_stalls_and_no_token_wait_with_their_names() -> None:
    found = attribute(receipt("100"), directory(service("100", 1), service("100", 2)))
    assert (found.stall_id, found.finding, found.candidates) == (None, "unattributed", (1, 2))


def test_tokens_of_two_stalls_are_ambiguous() -> None:
    known = directory(service("100", 1), service("100", 2), T1=1, T2=2)
    assert attribute(receipt("100", "T1", "T2"), known).finding == "ambiguous"


def test_two_codes_of_one_stall_name_one_stall() -> None:
    known = directory(service("100", 1), service("100", 2), OLD=1, NEW=1)
    assert attribute(receipt("100", "OLD", "NEW"), known).stall_id == 1


def test_an_account_of_nobody_waits_and_names_the_token() -> None:
    found = attribute(receipt("999", "T1"), directory(service("100", 1), T1=1))
    assert (found.stall_id, found.finding, found.foreign) == (None, "unknown_account", ("T1",))


def test_a_swapped_sticker_never_tells_a_vendor_of_money_that_did_not_come() -> None:
    known = directory(service("100", 1), service("200", 2), T1=1)
    found = attribute(receipt("200", "T1"), known)
    assert (found.stall_id, found.finding, found.foreign) == (None, "ambiguous", ("T1",))


def test_what_held_on_the_day_counts() -> None:
    known = directory(service("100", 1, until=DAY), service("100", 2, since=DAY))
    assert attribute(receipt("100"), known).stall_id == 2
    assert attribute(receipt("100", day=date(2026, 10, 4)), known).stall_id == 1


def test_the_same_number_at_two_banks_is_told_apart_by_the_bank_only() -> None:
    known = directory(service("100", 1), service("100", 2, bin="970418"))
    assert attribute(receipt("100", bin="970418"), known).stall_id == 2
    assert attribute(receipt("100", bin=None), known).finding == "ambiguous"
    assert attribute(receipt("100", bin="970405"), known).finding == "unknown_account"


def test_where_the_bank_is_unknown_the_only_account_of_that_number_counts() -> None:
    assert attribute(receipt("100", bin=None), directory(service("100", 1))).stall_id == 1


def oracle(got: Receipt, services: list[Service], tokens: dict[str, int]) -> tuple[int | None, str | None]:
    """The rules once more, as slowly and literally as docs/commands.md says them."""
    today = [s for s in services if s.since <= got.business_date < (s.until or date.max)]
    today = [s for s in today if got.bin is None or s.bin == got.bin]
    named = {tokens[token] for token in got.tokens if token in tokens}
    clear = [s for s in today if len({other.bin for other in today if other.number == s.number}) == 1]
    for number in (got.virtual_account, got.account):
        virtual = [s for s in clear if s.virtual and s.number == number]
        if len(virtual) == 1:
            return virtual[0].stall_id, "ambiguous" if named - {virtual[0].stall_id} else None
    if any(s.number == got.account and s not in clear for s in today):
        return None, "ambiguous"
    plain = [s for s in clear if not s.virtual and s.number == got.account]
    stalls = {s.stall_id for s in plain}
    if not stalls:
        return None, "unknown_account"
    if named - stalls or len(named) > 1:
        return None, "ambiguous"
    if named:
        return named.pop(), None
    return (stalls.pop(), None) if len(stalls) == 1 else (None, "unattributed")


NUMBERS = ["100", "200", "VA1"]
services_drawn = st.lists(
    st.builds(
        service,
        st.sampled_from(NUMBERS),
        st.integers(1, 4),
        virtual=st.booleans(),
        bin=st.sampled_from(["970436", "970418"]),
        since=st.sampled_from([OPENING, DAY]),
        until=st.sampled_from([None, date(2026, 12, 1)]),
    ),
    max_size=5,
)
receipts_drawn = st.builds(
    Receipt,
    st.sampled_from(NUMBERS),
    st.sampled_from([None, *NUMBERS]),
    st.sampled_from([None, "970436", "970418"]),
    st.sampled_from([DAY, date(2026, 2, 1), date(2026, 12, 24)]),
    st.lists(st.sampled_from(["T1", "T2", "T3", "NONE"]), max_size=3, unique=True),
    st.none(),
)


@settings(max_examples=600, deadline=None)
@given(receipts_drawn, services_drawn, st.fixed_dictionaries({}, optional={f"T{i}": st.just(i) for i in (1, 2, 3)}))
def test_every_case_is_decided_as_the_rules_say(got: Receipt, services: list[Service], tokens: dict[str, int]) -> None:
    found = attribute(got, directory(*services, **tokens))
    assert (found.stall_id, found.finding) == oracle(got, services, tokens)
