"""An application: a stall and an account that somebody asks for, until the market's board has decided."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, ColumnElement, Identity, and_, or_, text
from sqlmodel import Field, Session, SQLModel, col, select

from ground.database import Moment
from ground.refusal import Refusal
from merchants.applicant import Filled
from merchants.market import Market

# Every step there is: from a state, by a verb, into a state.
STEPS: dict[str, dict[str, str]] = {
    "draft": {"submit": "submitted", "withdraw": "withdrawn"},
    "submitted": {"approve": "approved", "return": "returned", "decline": "declined", "withdraw": "withdrawn"},
    "returned": {"submit": "submitted", "withdraw": "withdrawn"},
    "approved": {},
    "declined": {},
    "withdrawn": {},
}
OPEN = ("draft", "submitted", "returned")
MAY_BE_FILLED_IN = ("draft", "returned")
SAYS_WHY = ("return", "decline")
BY_THE_BOARD = ("approve", "return", "decline")
LONGEST_REASON = 500


class Application(SQLModel, table=True):
    """`kind`: a stall newly asked for (`joining`), or another account or phone for one's own (`change`).

    `vendor_id` is whose phone it is, once a code has proved it; `merchant_id` whose account is to change, or who
    the applicant turned out to be when it was approved.
    """

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    kind: str
    market_id: int = Field(sa_type=BigInteger)
    stall: str
    name: str
    phone: str | None
    bin: str | None
    account: str | None
    account_name: str | None
    vendor_id: int | None = Field(default=None, sa_type=BigInteger)
    merchant_id: int | None = Field(default=None, sa_type=BigInteger)
    state: str
    filled_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    filled_by: str
    agreed_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    agreed_by: str | None = None
    agreed_version: str | None = None
    agreed_wording: str | None = None
    submitted_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    submitted_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    decided_by: str | None = None
    slip_hash: bytes | None = None
    slip_until: datetime | None = Field(default=None, sa_column=Column(Moment))
    erased_at: datetime | None = Field(default=None, sa_column=Column(Moment))

    @property
    def key(self) -> int:
        assert self.id is not None, "not stored yet"
        return self.id

    @property
    def filled(self) -> Filled:
        """What was filled in; of what was erased nobody asks."""
        assert self.phone and self.bin and self.account and self.account_name, "it was erased"
        return Filled(self.stall, self.name, self.phone, self.bin, self.account, self.account_name)

    @property
    def is_proved(self) -> bool:
        """Whether whoever agreed had the phone in hand."""
        return self.vendor_id is not None


class ApplicationStep(SQLModel, table=True):
    """What was done with an application, by whom and why; never changed, but for a reason that is erased."""

    __tablename__ = "application_step"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    application_id: int = Field(sa_type=BigInteger)
    step: str
    at: datetime = Field(sa_column=Column(Moment, nullable=False))
    by: str
    reason: str | None = None


class Vendor(NamedTuple):
    """Who is signed in: the number she goes by, and the phone that is proved to be hers."""

    id: int
    phone: str


class Agreement(NamedTuple):
    """Consent: `how` it was given (`code`, `slip` or `visit`), which version of the text, and its words as shown."""

    how: str
    version: str
    wording: str


def waiting(session: Session, market_id: int) -> int:
    """How many applications the market's board has to decide."""
    asked = text("SELECT count(*) FROM application WHERE market_id = :market AND state = 'submitted'")
    return int(session.execute(asked, {"market": market_id}).scalar_one())


def begin(
    session: Session,
    market: Market,
    filled: Filled,
    *,
    by: str,
    moment: datetime,
    vendor_id: int | None = None,
    merchant_id: int | None = None,
) -> Application:
    """A draft. With `merchant_id` it is a change for that merchant. One open application a stall and vendor."""
    kind = "joining" if merchant_id is None else "change"
    made = Application(
        kind=kind,
        market_id=market.key,
        **filled._asdict(),
        vendor_id=vendor_id,
        merchant_id=merchant_id,
        state="draft",
        filled_at=moment,
        filled_by=by,
    )
    _refuse_second(session, made)
    session.add(made)
    session.flush()
    return made


def fill_in(session: Session, application: Application, filled: Filled, *, by: str, moment: datetime) -> None:
    """Other words for the same wish. Whoever agreed to the earlier ones has to agree again."""
    if application.state not in MAY_BE_FILLED_IN:
        raise Refusal("application.not_now", status=409)
    for name, value in filled._asdict().items():
        setattr(application, name, value)
    application.filled_at, application.filled_by = moment, by
    application.agreed_at = application.agreed_by = application.agreed_version = application.agreed_wording = None
    application.slip_hash = application.slip_until = None
    _refuse_second(session, application)
    session.add(application)
    session.flush()


def submit(
    session: Session,
    application: Application,
    agreement: Agreement,
    *,
    by: str,
    moment: datetime,
    vendor_id: int | None = None,
) -> None:
    """On to the board, with the vendor's consent. `vendor_id`: whose phone a code has just proved it to be."""
    state = _next(application, "submit")
    application.vendor_id = vendor_id or application.vendor_id
    _refuse_second(session, application)
    application.agreed_at, application.agreed_by = moment, agreement.how
    application.agreed_version, application.agreed_wording = agreement.version, agreement.wording
    application.submitted_at, application.submitted_by, application.state = moment, by, state
    application.slip_hash = application.slip_until = None
    _write_down(session, application, "submit", by, moment, None)


def take(
    session: Session, application: Application, step: str, *, by: str, moment: datetime, reason: str | None = None
) -> None:
    """Withdraw, return, decline or approve. Refuses a step that the state does not allow, and a no without a why."""
    state = _next(application, step)
    why = (reason or "").strip()[:LONGEST_REASON] or None
    if step in SAYS_WHY and why is None:
        raise Refusal("application.no_reason")
    if step in BY_THE_BOARD:
        if step == "approve" and by in (application.filled_by, application.submitted_by):
            raise Refusal("application.own", status=409)
        application.decided_at, application.decided_by = moment, by
    application.state = state
    _write_down(session, application, step, by, moment, why)


def _next(application: Application, step: str) -> str:
    state = STEPS[application.state].get(step)
    if state is None:
        raise Refusal("application.not_now", status=409)
    return state


def _write_down(
    session: Session, application: Application, step: str, by: str, moment: datetime, reason: str | None
) -> None:
    session.add(application)
    session.add(ApplicationStep(application_id=application.key, step=step, at=moment, by=by, reason=reason))
    session.flush()


def _refuse_second(session: Session, application: Application) -> None:
    """Only of one's own: what others asked for is told to nobody but the board."""
    if application.vendor_id is None:
        return
    with session.no_autoflush:
        asked = text("""
            SELECT 1 FROM application WHERE vendor_id = :vendor AND market_id = :market AND kind = :kind
                AND upper(stall) = upper(:stall) AND state = ANY(:open) AND id IS DISTINCT FROM :id
        """)
        told = application.model_dump(include={"kind", "stall", "id"})
        told |= {"vendor": application.vendor_id, "market": application.market_id, "open": list(OPEN)}
        if session.execute(asked, told).first():
            raise Refusal("application.already", stall=application.stall, status=409)


def find(
    session: Session,
    number: int,
    *,
    market: Market | None = None,
    vendor: Vendor | None = None,
    by: str | None = None,
    lock: bool = False,
) -> Application:
    """The application within what the asker may see: a market's, a vendor's own, one filled in `by` somebody."""
    asked = select(Application).where(Application.id == number, col(Application.erased_at).is_(None))
    if market is not None:
        asked = asked.where(Application.market_id == market.key)
    if vendor is not None:
        asked = asked.where(_own(vendor))
    if by is not None:
        asked = asked.where(Application.filled_by == by)
    found = session.exec(asked.with_for_update() if lock else asked).first() if 0 < number < 1 << 62 else None
    if found is None:
        raise Refusal("application.unknown", status=404)
    return found


def of_market(
    session: Session,
    market: Market,
    states: Collection[str],
    *,
    by: str | None = None,
    latest: bool = False,
    most: int = 200,
) -> list[Application]:
    """The market's applications in these states, the longest waiting (or the `latest` decided) first.

    `by`: those that one filled in.
    """
    asked = select(Application).where(Application.market_id == market.key, col(Application.state).in_(states))
    asked = asked.where(col(Application.erased_at).is_(None))
    if by is not None:
        asked = asked.where(Application.filled_by == by)
    waiting = (col(Application.submitted_at), col(Application.id))
    decided = (col(Application.decided_at).desc(), col(Application.id).desc())
    return list(session.exec(asked.order_by(*(decided if latest else waiting)).limit(most)))


def of_vendor(session: Session, vendor: Vendor) -> list[Application]:
    """Everything a vendor ever asked for, the latest first."""
    return list(session.exec(select(Application).where(_own(vendor)).order_by(col(Application.id).desc())))


def _own(vendor: Vendor) -> ColumnElement[bool]:
    """Hers; and what was sent for her phone by a slip, which she may see, change or take back. It stays unproved:
    that she looked at it does not say that she agreed.
    """
    for_her = and_(col(Application.phone) == vendor.phone, col(Application.state) != "draft")
    return or_(col(Application.vendor_id) == vendor.id, and_(col(Application.vendor_id).is_(None), for_her))


def steps(session: Session, application: Application) -> list[ApplicationStep]:
    """What was done with it, in order."""
    asked = select(ApplicationStep).where(ApplicationStep.application_id == application.key)
    return list(session.exec(asked.order_by(col(ApplicationStep.id))))
