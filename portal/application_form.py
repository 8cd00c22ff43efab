"""The form of an application and the messages about it: alike for vendor and helper."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Form
from sqlmodel import Session

from ground import message, words
from ground.settings import Settings
from merchants import account, applicant, bank, market
from merchants.applicant import Filled
from merchants.application import Application
from merchants.approval import Told

Text = Annotated[str, Form()]


class Typed(NamedTuple):
    """The fields as they were typed, so that they stand in the form again when one of them is wrong."""

    stall: str = ""
    name: str = ""
    phone: str = ""
    bank: str = ""
    account: str = ""
    account_name: str = ""

    def read(self, *, phone: str | None = None, name: str | None = None) -> Filled:
        """What they say; `phone` and `name` where they are known and not asked for."""
        return applicant.read(
            self.stall, name or self.name, phone or self.phone, self.bank, self.account, self.account_name
        )


def _typed(
    stall: Text = "",
    name: Text = "",
    phone: Text = "",
    bank: Text = "",
    account: Text = "",
    account_name: Text = "",
) -> Typed:
    return Typed(*(each[:200] for each in (stall, name, phone, bank, account, account_name)))


TypedDep = Annotated[Typed, Depends(_typed)]


def typed_before(found: Application | None) -> Typed:
    """What an application says, to be changed in the form."""
    return Typed(*found.filled) if found is not None else Typed()


def choices(session: Session) -> dict[str, Any]:
    """What the form's lists offer."""
    return {"markets": market.every(session), "banks": applicant.banks()}


def facts(session: Session, found: Application) -> dict[str, Any]:
    """An application as a person checks it: the account in groups of four, the bank by its name."""
    number = found.account or ""
    return {
        "application": found,
        "market": next(each for each in market.every(session) if each.key == found.market_id),
        "bank": bank.short_name(found.bin or ""),
        "account": " ".join(number[at : at + 4] for at in range(0, len(number), 4)),
        "tail": account.tail(number),
    }


def signer(by: str, language: str) -> str:
    """Who signed a step, as people say it: staff by name, a vendor by what she is here."""
    kind, _, name = by.partition(":")
    return name if kind == "staff" else words.say(f"application.by.{'slip' if kind == 'slip' else 'vendor'}", language)


def tell(settings: Settings, told: Iterable[Told]) -> None:
    """To phones, after the commit; in Vietnamese, as every message."""
    for each in told:
        params = {name: _spoken(value) for name, value in each.params.items()}
        message.send_later(settings, each.phone, words.say(each.key, "vi", **params))


def _spoken(value: object) -> object:
    return f"{value:%d/%m/%Y}" if isinstance(value, date) else value
