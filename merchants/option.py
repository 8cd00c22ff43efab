"""Options that several commands of the registry share: a date, a market."""

from datetime import date, datetime
from typing import Annotated

import typer

from merchants.roll_cell import EARLIEST, LATEST


def day(text: str) -> date:
    """A date on the command line: YYYY-MM-DD or DD/MM/YYYY."""
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            found = datetime.strptime(text, form).date()  # noqa: DTZ007 a date has no zone
        except ValueError:
            continue
        if EARLIEST <= found <= LATEST:
            return found
        raise typer.BadParameter(f"{text!r} is not believable: from {EARLIEST} to {LATEST}")
    raise typer.BadParameter(f"{text!r} is no date: YYYY-MM-DD or DD/MM/YYYY")


Day = Annotated[date | None, typer.Option(parser=day, metavar="DATE")]
MarketCode = Annotated[str, typer.Option("--market", help="the market's code")]
