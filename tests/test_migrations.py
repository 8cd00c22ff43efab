"""The migrations: numbered in a line, and what they build is what the classes say."""

import re
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import String, text
from sqlmodel import AutoString, SQLModel

from ground import audit, store
from ground.store import Store
from merchants import account, application, code, inspection, leaving, market, merchant, placard, stall
from payments import (
    backfill,
    card,
    cash_report,
    consent,
    corroboration,
    feed,
    finding,
    journal,
    matching,
    notice,
    observation,
    own_word,
    payout,
    reconciliation,
    revision,
    sample,
    stall_day,
    stamp,
    statement,
    tally,
    target,
)
from portal import api_key, invitation, phone_code, second_factor, staff, throttle, vendor_account, visit

TABLES = {
    api_key.ApiKey,
    application.Application,
    application.ApplicationStep,
    leaving.Leaving,
    audit.Audit,
    invitation.Invitation,
    phone_code.PhoneCode,
    second_factor.RecoveryCode,
    staff.Appointment,
    staff.Staff,
    throttle.Throttle,
    vendor_account.Vendor,
    visit.Visit,
    store.Installation,
    account.Account,
    backfill.Backfill,
    code.Code,
    finding.Finding,
    journal.Entry,
    market.Market,
    card.CardEvent,
    cash_report.CashReport,
    observation.Observation,
    own_word.OwnWord,
    payout.Payout,
    payout.Settlement,
    sample.Sample,
    consent.Consent,
    corroboration.Corroboration,
    feed.Feed,
    matching.Match,
    reconciliation.Reconciliation,
    revision.Seal,
    revision.SealRoll,
    market.MarketMove,
    merchant.Merchant,
    inspection.Inspection,
    inspection.InspectionPhoto,
    placard.Placard,
    placard.PlacardStep,
    placard.PrintRun,
    notice.Notice,
    stall.Stall,
    stall.StallState,
    stall_day.StallDay,
    stamp.BookChange,
    statement.Statement,
    statement.StatementLine,
    tally.Tally,
    target.Target,
}


def _differs(context: object, column: object, field: object, is_type: object, said_type: object) -> bool | None:
    """A text is a text, whatever SQLModel calls it; the rest is compared as Alembic does."""
    return False if isinstance(is_type, String) and isinstance(said_type, String | AutoString) else None


def test_migrations_are_numbered_in_a_line() -> None:
    files = sorted(path.name for path in Path(store.PROJECT, "migrations", "versions").glob("*.py"))
    assert [name[:4] for name in files] == [f"{number:04d}" for number in range(1, len(files) + 1)]
    for number, name in enumerate(files, 1):
        source = Path(store.PROJECT, "migrations", "versions", name).read_text("utf-8")
        assert re.search(rf'^revision = "{number:04d}"$', source, re.M)


def test_every_table_has_its_class_and_every_class_its_table(books: Store) -> None:
    with books.engine.connect() as connection:
        tables = set(
            connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")
            ).scalars()
        )
    assert tables == {table.__tablename__ for table in TABLES}


def test_the_classes_say_what_the_migrations_built(books: Store) -> None:
    """Columns, types and nullability; constraints and indexes stand in the migrations alone."""
    with books.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _differs})
        changes = compare_metadata(context, SQLModel.metadata)
    told = [change for change in changes if not str(change[0]).endswith(("index", "constraint", "fk", "comment"))]
    assert told == []


def test_migrating_twice_changes_nothing(books: Store) -> None:
    with books.engine.connect() as connection:
        store.upgrade(connection)
        assert store.revision(connection) == store.head()
