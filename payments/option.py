"""Options that several commands of the books share: an area, a period."""

from typing import Annotated

import typer

AreaKey = Annotated[str, typer.Option("--area", help="market:CODE, ward:CODE or province:CODE")]
PeriodText = Annotated[str, typer.Option("--period", help="2026-10-05, 2026-W46, 2026-10, 2026-Q3 …")]
