"""The demo's made-up merchants: a name marked "(mẫu)", a phone nobody has, accounts no bank has."""

from random import Random
from typing import NamedTuple

from merchants import vietqr
from payments.demo.board import people


class Owner(NamedTuple):
    """`accounts`: (bank key, number) of today and of after a change of bank. `eagerness` 0 registers first."""

    name: str
    phone: str
    account_name: str
    accounts: tuple[tuple[str, str], tuple[str, str]]
    eagerness: float
    virtual: bool


def make_up(random: Random, room: int, nth: int, *, virtual_share: float) -> Owner:
    """The `nth` owner of board number `room`.

    A code of the demo may be scanned by anybody's bank app, so no account of it may exist: the numbers begin with
    MAU, as no bank's do. No operator has phones with 053.
    """
    names = people()["names"]
    given = random.choice(names["women"] if random.random() < 0.72 else names["men"])
    name = f"{random.choice(names['family'])} {given}"
    keys, weights = zip(*people()["bank_weights"].items(), strict=True)
    first, second = random.choices(keys, weights, k=2)
    return Owner(
        name=f"{name} (mẫu)",
        phone=f"053{random.randrange(10**7):07}",
        account_name=f"{vietqr.fold(name)} MAU",
        accounts=(
            (first, f"MAU{room}{nth:04}{random.randrange(1000):03}"),
            (second, f"MAU{room + 5}{nth:04}{random.randrange(1000):03}"),
        ),
        eagerness=random.random(),
        virtual=random.random() < virtual_share,
    )
