"""The demo's three doors: its settings, its filling, and the morning that goes on while it is served."""

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from random import Random

import psycopg
import typer
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ground import clock, store, words
from ground.refusal import Refusal
from ground.settings import Settings, secret_values
from ground.store import Store
from ground.terminal import progress
from ground.vault import Vault
from merchants import market
from payments import area, period_run, seal
from payments.demo import (
    bank_file,
    card_office,
    cash,
    decision,
    goal,
    history,
    inspection_round,
    lead,
    morning,
    newcomer,
    registry,
    till,
)
from payments.demo.card_company import CardCompany
from payments.demo.card_messenger import Messenger
from payments.demo.history import Telling
from payments.demo.morning import Payers

PAYMENTS = 100_000
DAYS = 92


def settings(settings: Settings) -> Settings:
    """The same settings for the demo's own books. Where SePay has no secret, one is drawn for this run."""
    changed: dict[str, object] = {"demo": True}
    if not (secret_values(settings.sepay_api_key) or secret_values(settings.sepay_hmac_secret)):
        changed["sepay_hmac_secret"] = SecretStr(secrets.token_urlsafe(32))
    return settings.model_copy(update=changed)


@contextmanager
def card_company(settings: Settings, port: int) -> Iterator[Settings]:
    """Card payments to try out: a made-up company that tells the server at `port`, where no real one is set up."""
    if secret_values(settings.stripe_secret_key) or secret_values(settings.stripe_webhook_secret):
        yield settings
        return
    key, secret = f"sk_demo_{secrets.token_urlsafe(16)}", f"whsec_{secrets.token_urlsafe(16)}"
    messenger = Messenger(f"http://127.0.0.1:{port}/webhooks/stripe", secret)
    company = CardCompany("", messenger.tell)
    threading.Thread(target=messenger.run, name="messenger", daemon=True).start()
    with card_office.serving(card_office.Office(company, key).app) as office:
        company.address = f"http://127.0.0.1:{office}"
        keys = {"stripe_secret_key": SecretStr(key), "stripe_webhook_secret": SecretStr(secret)}
        yield settings.model_copy(update={**keys, "stripe_api_base": company.address})
    messenger.stop()


def fill(settings: Settings, *, payments: int = PAYMENTS) -> None:
    """Make today's demo, unless it is there already. A demo of another day, or half a one, is thrown away."""
    language = settings.command_language()
    today = clock.today()
    kept = is_filled(settings, today)
    books = store.open_store(settings) if kept else store.recreate(settings)
    try:
        if kept:
            typer.echo(words.say("demo.kept", language, day=f"{today:%d/%m/%Y}"))
        else:
            build(books, today, payments=payments)
        _summarise(books, language)
    finally:
        books.engine.dispose()


_FILLED = """
    SELECT 1 FROM installation, alembic_version
    WHERE demo_day = %s AND key_fingerprint = ANY(%s) AND version_num = %s
"""


def is_filled(settings: Settings, today: date) -> bool:
    """Complete, of today, of this program and readable with today's key."""
    keys = Vault(store.secret_keys(settings)).fingerprints
    with psycopg.connect(store.database_url(settings)) as connection:
        try:
            return connection.execute(_FILLED, (today, keys, store.head())).fetchone() is not None
        except psycopg.errors.UndefinedTable:
            return False


_A_CODE = text("SELECT serial FROM code WHERE revoked_on IS NULL AND live_from <= now() ORDER BY id LIMIT 1")


def live_morning(settings: Settings, base_url: str) -> None:
    """Payments for the next hours, each told to the running server's own door."""
    language = settings.command_language()

    def say(key: str, **params: object) -> None:
        moment = clock.now().astimezone(clock.ZONE)
        typer.echo(f"{moment:%H:%M:%S}  {words.say(key, language, **params)}")

    try:
        books = store.open_store(settings)
        with books.session() as session:
            tills = till.every(session)
            serial = session.execute(_A_CODE).scalar()
            first = lead.find(session, clock.today())
        books.engine.dispose()
    except (Refusal, SQLAlchemyError) as error:
        say("demo.morning.away", reason=error, seconds=0)
        return
    if serial is not None and settings.stripe_api_base is not None:
        say("demo.cards", page=f"{base_url}/q/{serial}", counter=settings.stripe_api_base)
    random = Random()
    payers = Payers(tills, random, first.stalls if first else frozenset())
    say("demo.morning.begins", count=len(payers))
    morning.live_through(payers, settings, base_url, say, random)
    say("demo.morning.ends")


def build(books: Store, today: date, *, payments: int = PAYMENTS, days: int = DAYS) -> None:
    """Markets, rolls, codes, and `payments` told on the `days` before today."""
    language = books.settings.command_language()
    past = [today - timedelta(days=nth) for nth in range(days, 0, -1)]
    meant: dict[str, int] = {}
    with progress() as bar, books.session() as session:
        rolls = bar.add_task(words.say("demo.rolls", language), total=registry.steps())
        folder = books.settings.data_dir / "demo"
        registry.open_markets(session, past[0], folder, lambda: bar.advance(rolls))
        _analyse(books)
        tills = till.every(session)
        session.rollback()
        planned = history.plan(tills, past, payments)
        told = bar.add_task(words.say("demo.payments", language), total=history.size(planned))
        stream = _remembered(history.tell(planned, tills), meant)
        history.keep_and_post(books, stream, lambda count: bar.advance(told, count))
        decision.decide(session, meant, today)
        goal.set_targets(session, today)
        cash.tell(session, past)
        inspection_round.walk(session, today)
        newcomer.knock(session, today)
        session.commit()
        _analyse(books)
        end = bar.add_task(words.say("demo.last_month", language), total=2)
        _close(books, past, lambda: bar.advance(end))
        session.execute(text("UPDATE installation SET demo_day = :today"), {"today": today})
        session.commit()


def _close(books: Store, past: Sequence[date], step: Callable[[], None]) -> None:
    """The last month that is over: one market's banks are heard, then it is sealed, and its ward."""
    month = period_run.back(period_run.at(past[-1] + timedelta(days=1), "month"), 2)[0]
    bank_file.reconcile(books, books.settings.data_dir / "demo" / "statements", max(month.first, past[0]), month.last)
    step()
    with books.session() as session:
        drawn = area.draw(session, month.first, month.last, "period", past[-1])
        stay = drawn.stays[market.find(session, bank_file.MARKET).key][-1]
    for key in (f"market:{bank_file.MARKET}", *([f"ward:{stay.ward.code}"] if stay.ward else ())):
        seal.seal(books, key, month.text, by=bank_file.BY)
    step()


def _remembered(told: Iterator[Telling], meant: dict[str, int]) -> Iterator[Telling]:
    for one in told:
        meant[str(one.payment.id)] = one.payment.till.stall_id
        yield one


def _analyse(books: Store) -> None:
    """Without it the first queries would be planned blindly and read more than the index."""
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


_COUNTS = text("""
    SELECT (SELECT count(*) FROM market) AS markets, (SELECT count(*) FROM stall) AS stalls,
        (SELECT count(*) FROM code WHERE revoked_on IS NULL) AS codes, (SELECT count(*) FROM notice) AS payments,
        (SELECT count(*) FROM finding) AS findings, (SELECT count(*) FROM finding WHERE status = 'open') AS open
""")


def _summarise(books: Store, language: str) -> None:
    with books.engine.connect() as connection:
        counts = connection.execute(_COUNTS).one()._mapping
    told = {
        name: f"{count:,}" if language == "en" else f"{count:,}".replace(",", ".") for name, count in counts.items()
    }
    month = clock.today().replace(day=1) - timedelta(days=1)
    folder = books.settings.data_dir / "demo"
    typer.echo(words.say("demo.filled", language, **told, folder=folder, month=f"{month:%Y-%m}"))
