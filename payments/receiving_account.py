"""The account that a number means: a provider may tell the number money arrived at without its bank.

Told with its bank, it is that account. Without, it is the account with this number that served a stall on the day;
where those of two banks did, it is unclear, and nobody's. On a day when none did it is the only one that ever serves,
or, before the roll names any, the only one known. So a row at another bank that serves nobody (a roll corrected, a
statement brought in under the wrong bank) changes nothing.
"""

from collections.abc import Sequence

from sqlmodel import Session

from ground.refusal import Refusal
from merchants import bank, stall
from merchants.stall import Service

_DAYS = (
    "coalesce(range_agg(daterange(state.since, state.until)) FILTER (WHERE {which} AND state.id IS NOT NULL), '{{}}')"
)


def bankless_days(account: str) -> str:
    """SQL: the days on which its number alone means the account of this alias, as a datemultirange."""
    own, others = (_DAYS.format(which=f"same.id {which} {account}.id") for which in ("=", "<>"))
    return f"""(
        SELECT CASE
            WHEN coalesce(bool_and(same.id = {account}.id) FILTER (WHERE state.id IS NOT NULL),
                count(DISTINCT same.id) = 1) THEN '{{(,)}}'
            ELSE {own} - {others} END
        FROM account same
        LEFT JOIN stall_state state ON same.id IN (state.account_id, state.virtual_account_id)
            AND state.superseded_at IS NULL
        WHERE same.number = {account}.number)"""


def only_one(served: Sequence[Service]) -> Sequence[Service] | None:
    """Of what accounts with one number serve on a day, all of one account's; None where two banks could be meant."""
    return served if len({service.bin for service in served}) <= 1 else None


def check_bank(session: Session, key: tuple[str, str], layout: str) -> None:
    """Refuses (BIN, number) where it serves no stall and the same number does at the bank whose layout it is.

    Only then: of a number that the roll does not know yet nobody can say that the bank is wrong.
    """
    drawn_up = bank.find(layout)
    serving = {service.bin for service in stall.services(session, [key[1]])}
    if drawn_up is not None and drawn_up.bin in serving and key[0] not in serving:
        told, right = bank.short_name(key[0]), drawn_up.short_name
        raise Refusal("statement.bank_of_account", number=key[1], told=told, bank=right, bin=drawn_up.bin)
