"""A claim: what an application asks for, beside who has the stall on the roll and who else asks for it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session, col, select

from merchants import spelling
from merchants.application import Application

DAY = timedelta(days=1)


class Holder(NamedTuple):
    """A row of the roll that has not ended: whose the stall is from `since` on, and where the money goes."""

    merchant_id: int
    name: str
    phone: str | None
    bin: str | None
    account: str | None
    account_name: str | None
    since: date
    until: date | None


class Claim(NamedTuple):
    """`relation` to the `holder`, whom the roll has there from tomorrow on: `free` (nobody), `hers` (the same proved
    phone, or her own change), `likely` (the same name, of whom the roll has no phone), `other` (a conflict), `gone`
    (she no longer has it). `now`: who has the stall today.
    """

    relation: str
    holder: Holder | None
    now: Holder | None
    rivals: Sequence[Application]
    today: date

    @property
    def is_conflict(self) -> bool:
        """Somebody has to decide who gets the stall."""
        return self.relation == "other" or bool(self.rivals)

    @property
    def seen(self) -> str:
        """What was looked at, so that a decision is not about something else meanwhile."""
        rivals = ",".join(str(each.key) for each in self.rivals)
        return f"{self.relation}:{self.holder.merchant_id if self.holder else ''}:{rivals}"

    def since(self, application: Application, merchant_id: int | None) -> date:
        """The first day of what is asked for: tomorrow where another account or person has today, else today.

        A day has one account and one merchant, so that neither sees what the other took.
        """
        if self.now is None:
            return self.today
        keeps = self.now.merchant_id == merchant_id and self.now.account in (None, application.account)
        return self.today if keeps else self.today + DAY


_HOLDERS = text("""
    SELECT merchant.id, merchant.name, merchant.phone, a.bin, a.number, state.account_name, state.since, state.until
    FROM stall s JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND (state.until IS NULL OR state.until > :today)
    JOIN merchant ON merchant.id = state.merchant_id
    LEFT JOIN account a ON a.id = coalesce(state.virtual_account_id, state.account_id)
    WHERE s.market_id = :market AND upper(s.number) = upper(:stall) ORDER BY state.since
""")


def look_into(session: Session, application: Application, today: date) -> Claim:
    """How the application stands to the roll and to the others that were submitted."""
    asked = {"market": application.market_id, "stall": application.stall, "today": today}
    holders = [Holder(*row) for row in session.execute(_HOLDERS, asked)]
    now = next((each for each in holders if each.since <= today), None)
    # Who leaves tomorrow has the stall today and is nobody's rival.
    staying = [each for each in holders if each.until is None or each.until > today + DAY]
    if application.kind == "change":
        # What is written holds from its day on for good: whoever is to have the stall later must not inherit it.
        hers = staying and {each.merchant_id for each in staying} == {application.merchant_id}
        return Claim("hers" if hers else "gone", staying[0] if hers else None, now, (), today)
    rivals = _rivals(session, application)
    others = [each for each in staying if _relation(application, each) == "other"]
    if others or not staying:
        return Claim("other" if others else "free", next(iter(others), None), now, rivals, today)
    return Claim(_relation(application, staying[0]), staying[0], now, rivals, today)


def _relation(application: Application, holder: Holder) -> str:
    """Only a proved phone tells who somebody is: anybody can write a name, and a number."""
    if holder.phone is not None:
        return "hers" if application.is_proved and holder.phone == application.phone else "other"
    return "likely" if _fold(holder.name) == _fold(application.name) else "other"


def _rivals(session: Session, application: Application) -> list[Application]:
    """The others' applications for this stall that wait for the board as well."""
    asked = select(Application).where(
        Application.market_id == application.market_id,
        Application.kind == "joining",
        Application.state == "submitted",
        Application.id != application.key,
        Application.phone != application.phone,
    )
    found = session.exec(asked.order_by(col(Application.id)))
    return [each for each in found if each.stall.upper() == application.stall.upper()]


_KNOWN = text("SELECT id, name FROM merchant WHERE market_id = :market AND phone = :phone ORDER BY id")


def known(session: Session, application: Application) -> int | None:
    """The market's merchant who goes by this name and proved phone, wherever in the market."""
    if not application.is_proved:
        return None
    rows = session.execute(_KNOWN, {"market": application.market_id, "phone": application.phone})
    return next((row.id for row in rows if _fold(row.name) == _fold(application.name)), None)


def _fold(name: str) -> str:
    return spelling.fold(name) or name.casefold()
