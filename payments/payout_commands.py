"""The commands about card payouts: what was paid to our bank, of which sales, and asking the card company for it."""

import stripe
import typer

from ground.refusal import Refusal
from ground.terminal import Format, desk, emit, show_table
from payments import checkout, payout, settler

app = typer.Typer(no_args_is_help=True)
payouts = typer.Typer(invoke_without_command=True, help="What the card company paid to our bank.")
app.add_typer(payouts, name="payouts")
COLUMNS = ("id", "status", "arrives_on", "amount", "currency", "sales", "gross", "fees", "net", "adds_up")


@payouts.callback()
def list_payouts(context: typer.Context, format: Format = "table") -> None:
    """List them. Amounts are in the smallest unit of their currency: cents, where it has cents."""
    if context.invoked_subcommand is not None:
        return
    with desk(context).books() as books, books.session() as session:
        rows = payout.every(session)
    if format == "json":
        emit(rows)
    else:
        show_table(COLUMNS, [[row[name] for name in COLUMNS] for row in rows], right=(3, 5, 6, 7, 8))


@payouts.command("fetch")
def fetch(context: typer.Context) -> None:
    """Ask the card company for the fees and payouts that are not here yet. The server does so by itself.

    What it refuses to tell of a sale or payout is set aside, counted, and named on stderr.
    """
    at = desk(context)
    if not checkout.is_open(at.settings):
        raise Refusal("checkout.off")
    with at.books() as books:
        try:
            done = settler.fetch(books)
        except stripe.StripeError as error:
            raise Refusal("checkout.no_answer", reason=type(error).__name__) from None
    typer.echo("  ".join(f"{name} {count}" for name, count in done._asdict().items()))
