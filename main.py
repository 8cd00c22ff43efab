"""Market 4.0: the app and the command line. It wires the rooms together, nothing else."""

import gc
import io
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import httpx2 as httpx
import typer
import uvicorn
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from ground import address, backup, logs, rekey, store, words
from ground.connection import Connection
from ground.refusal import Refusal
from ground.settings import Settings, command_language
from ground.store import Store
from ground.terminal import Desk, desk
from merchants import commands as merchants_commands
from payments import commands as payments_commands
from payments.demo import commands as demo
from payments.inbox import Inbox
from payments.poster import Poster
from payments.settler import Settler
from payments.warmer import Warmer
from payments.webhooks import PREFIX, Receive, Scope, Send, Webhooks
from portal import commands as portal_commands

Port = Annotated[int, typer.Option(min=1, max=65535)]
Workers = Annotated[int, typer.Option(min=1, max=64)]
WORKER_SECONDS = 60
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
databases = typer.Typer(no_args_is_help=True, help="A database on a server.")
app.add_typer(databases, name="db")
for commands in (merchants_commands.app, payments_commands.app, portal_commands.app):
    app.registered_commands += commands.registered_commands
    app.registered_groups += commands.registered_groups


@app.callback()
def begin(
    context: typer.Context,
    on_demo: Annotated[bool, typer.Option("--demo", help="work on the demo's own database")] = False,
) -> None:
    """Market 4.0 (Chợ 4.0): from the stall roll to a cashless rate that can be signed."""
    settings = Settings.read()
    context.obj = Desk(settings.model_copy(update={"demo": settings.demo or on_demo}))


class House:
    """The whole as one ASGI app: the webhooks' door in front, the portal behind it."""

    def __init__(self, books: Store) -> None:
        from portal import app as portal  # the pages take a third of the time to read in, and no command needs them

        self._poster = Poster(books)
        self._inbox = Inbox(books.url, on_kept=self._poster.wake)
        self._settler = Settler(books)
        self._warmer = Warmer(books)
        self._books = books
        self._webhooks = Webhooks(self._inbox, books.vault, books.settings)
        self._portal = portal.create(books, self.is_ready, self._parts, self._webhooks.answers)
        self._portal.router.lifespan_context = self._live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._webhooks(scope, receive, send)
        else:
            await self._portal(scope, receive, send)

    def is_ready(self) -> bool:
        """Notices can be kept and posted: the database answers, and the poster is at work."""
        return all(self._parts().values())

    def _parts(self) -> dict[str, bool]:
        """Which of those that it takes for this are up."""
        return {"database": self._database_answers(), "inbox": self._inbox.is_up(), "poster": self._poster.is_up}

    def _database_answers(self) -> bool:
        try:
            with self._books.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    @asynccontextmanager
    async def _live(self, _: Any) -> AsyncIterator[None]:
        self._inbox.start()
        self._poster.start()
        self._settler.start()
        self._warmer.start()
        gc.collect()
        gc.freeze()  # what was imported stays: the collector need not walk it again
        yield
        self._portal.state.newsroom.close()
        self._warmer.stop()
        self._settler.stop()
        self._inbox.stop()
        self._poster.stop()
        self._books.engine.dispose()


def application() -> House:
    """What uvicorn's workers call."""
    logs.configure()
    return House(store.open_store(Settings.read()))


@app.command()
def serve(context: typer.Context, host: str = "127.0.0.1", port: Port = 8000, workers: Workers = 1) -> None:
    """Run until SIGTERM. The embedded database is migrated first."""
    at = desk(context)
    _refuse_taken_port(host, port)
    store.open_store(at.settings).engine.dispose()
    run(at.settings, host, port, workers)


def run(settings: Settings, host: str, port: int, workers: int = 1, then: Callable[[str], None] | None = None) -> None:
    """Serve; `then` runs beside it once the server answers, and is given its address."""
    os.environ["MARKET_DEMO"] = "1" if settings.demo else ""
    here = _local(host, port)
    threading.Thread(target=_announce, args=(here, then), daemon=True).start()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, _leave)  # uvicorn takes over, and raises the signal again after its graceful end
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "log_level": "warning",
        "access_log": False,
        "http": Connection,
        # Whoever may say for whom it asks can pass for anybody: only a proxy that the operator names.
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": settings.trusted_proxies,
    }
    with address.noted(settings, here):
        if workers > 1:
            # A worker that still starts, on a busy machine, answers its parent late: it may not be taken for hung.
            patient = {"timeout_worker_healthcheck": WORKER_SECONDS}
            uvicorn.run("main:application", factory=True, workers=workers, **patient, **options)
        else:
            logs.configure()
            uvicorn.run(House(store.open_store(settings)), **options)


def _leave(number: int, frame: FrameType | None) -> None:
    """Asked to end: that is success, before the doors are open and after they are closed."""
    raise SystemExit(0)


def _local(host: str, port: int) -> str:
    """The address by which this machine itself reaches the server."""
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{local}:{port}"


def _announce(here: str, then: Callable[[str], None] | None) -> None:
    while True:
        try:
            # Without certificates, which nobody needs here: to load them takes most of the time that starting takes.
            if httpx.get(f"{here}/readyz", timeout=2, trust_env=False, verify=False).status_code == 200:
                break
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    typer.echo(f"Ready: {here}")
    sys.stdout.flush()
    if then is not None:
        then(here)


def _refuse_taken_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Refusal("serve.no_port", host=host, port=port, reason=error.strerror) from error


@app.command("demo")
def run_demo(context: typer.Context, host: str = "127.0.0.1", port: Port = 8000) -> None:
    """Fill the demo's own database with four made-up markets, serve it, and let a morning's payments come in."""
    at = desk(context)
    _refuse_taken_port(host, port)
    settings = demo.settings(at.settings)
    demo.fill(settings)
    with demo.card_company(settings, port) as chosen:
        run(chosen, host, port, then=lambda address: demo.live_morning(chosen, address))


@databases.command("migrate")
def migrate(context: typer.Context) -> None:
    """Bring the database to this program's revision."""
    store.open_store(desk(context).settings, migrate=True).engine.dispose()
    typer.echo(store.head())


@app.command("backup")
def back_up(context: typer.Context, file: Path) -> None:
    """One file with the database and the key: keep it as safe as the key."""
    settings = desk(context).settings
    url = store.database_url(settings)
    backup.backup(url, store.secret_text(settings), file)
    typer.echo(f"{file}  {file.stat().st_size:,} bytes")


@app.command("restore")
def restore(context: typer.Context, file: Path) -> None:
    """Bring a backup's database and key back into an empty one."""
    settings = desk(context).settings
    store.restore(settings, file)
    store.open_store(settings, migrate=True).engine.dispose()
    typer.echo(store.head())


@app.command("rekey")
def seal_anew(context: typer.Context) -> None:
    """Seal everything with the newest value of the secret key, after which the other one may be taken away."""
    at = desk(context)
    with store.new_key(at.settings), at.books() as books:
        sealed = rekey.rekey(books.engine, books.vault, lambda place, count: typer.echo(f"{place}  {count}", err=True))
    typer.echo(words.say("rekey.done", at.language, count=sealed))


@app.command("settings")
def show_settings(context: typer.Context) -> None:
    """Every setting, secrets masked."""
    for name, value in desk(context).settings.masked().items():
        typer.echo(f"{name}={value}")


def main() -> None:
    """Exit 0 when done, 1 when refused (the reason on stderr), 2 on wrong usage."""
    logs.configure()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # JSON and names are UTF-8 whatever the locale says
    try:
        app()
    except Refusal as refusal:
        typer.echo(refusal.message(command_language()), err=True)
        raise SystemExit(1) from None
    except BrokenPipeError:  # `… | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OperationalError as error:
        away = Refusal("store.away", reason=str(error.orig).strip().splitlines()[0])
        typer.echo(away.message(command_language()), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
