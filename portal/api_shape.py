"""The shapes of the API's answers, as its description tells them to programs."""

from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from portal import webhook_shape

Number = float | None


class Shape(BaseModel):
    """Fields may be added, none is renamed."""

    model_config = ConfigDict(extra="allow")


class FigureShape(Shape):
    """An indicator's value with everything needed to defend it (docs/indicators.md)."""

    indicator: str
    value: Number = Field(description="a share as an unrounded number from 0 to 1, a level in whole đồng or sales")
    low: Number
    high: Number
    numerator: int | None
    denominator: int | None
    n: int
    N: int
    coverage: Number
    sources: list[str]
    method: str
    status: Literal["suppressed", "insufficient", "final", "provisional"]
    reason: str | None


class AreaShape(Shape):
    area: str
    name: str
    takings_until: str
    figures: list[FigureShape]


class RatesShape(AreaShape):
    """Every indicator of an area and of its parts in a period."""

    period: str
    from_: str = Field(alias="from")
    to: str
    complete: bool
    boundaries: Literal["period", "current"]
    audience: Literal["public", "ward", "board"]
    definitions_version: int
    as_of: str
    revision: int | None = Field(description="of the seal; null: the figures as of now")
    parts: list[AreaShape]


class PointShape(FigureShape):
    """The figure of one period."""

    period: str
    from_: str = Field(alias="from")
    to: str
    complete: bool
    revision: int | None


class SeriesShape(Shape):
    """One indicator of an area, period by period, the earliest first."""

    area: str
    indicator: str
    boundaries: Literal["period", "current"]
    audience: Literal["public", "ward", "board"]
    definitions_version: int
    as_of: str
    series: list[PointShape]
    next: str | None = Field(description="the cursor of the next page; null on the last one")


class CountsShape(Shape):
    """`total`: the targets in a band. Those whose figure is insufficient or suppressed are in none."""

    total: int
    met: int
    near: int
    behind: int
    far: int
    insufficient: int
    suppressed: int


class TargetShape(Shape):
    area: str
    name: str
    indicator: str
    target: float
    value: Number
    attainment: Number
    band: Literal["met", "near", "behind", "far"] | None
    status: str
    set_at: str


class ScoreboardShape(Shape):
    """The targets of an area, its wards and its markets, and how they are met."""

    area: str
    name: str
    period: str
    complete: bool
    audience: Literal["public", "ward", "board"]
    as_of: str
    counts: CountsShape
    summary: str
    targets: list[TargetShape]
    next: str | None


def answers(shape: type[Shape]) -> dict[int | str, dict[str, Any]]:
    """The two good answers of a route: the document, or nothing new."""
    tag = {"ETag": {"description": "send it back as If-None-Match", "schema": {"type": "string"}}}
    link = {"Link": {"description": 'the next page, rel="next"', "schema": {"type": "string"}}}
    return {
        200: {"model": shape, "headers": tag | link},
        304: {"description": "Nothing has changed since the answer with this ETag."},
    }


# Everybody may ask; with a key one asks as its office.
BY_KEY: dict[str, Any] = {"security": [{}, {"key": []}]}
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of `apikey new`: within its area one sees what its office sees, elsewhere what is public.",
}


def describe(app: FastAPI) -> None:
    """Say in the app's description what a key is, and what the providers' doors answer, which stand before the app."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        document.setdefault("components", {}).setdefault("securitySchemes", {})["key"] = _SCHEME
        document["paths"] |= webhook_shape.paths()
        return document

    app.openapi = openapi  # type: ignore[method-assign]
