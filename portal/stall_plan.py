"""The plan of a section as drawn: a shape for each stall, another one for each state, twenty in a row."""

from collections.abc import Sequence
from typing import NamedTuple

from payments.activity import STATES, Place

IN_A_ROW = 20  # what a phone of 360 px shows large enough
STEP = 10
# In a box of 8 by 8, beginning at its corner; how it is painted: `solid` is filled, `line` an outline.
GLYPHS = {
    "in_use": ("solid", "m0 4a4 4 0 1 0 8 0a4 4 0 1 0-8 0z"),
    "quiet": ("solid", "m4 .4 4 7.2h-8z"),
    "unused": ("line", "m4 1.2 3.2 5.8h-6.4z"),
    "fresh": ("line", "m.8 4a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0-6.4 0z"),
    "no_code": ("line", "m1 1h6v6h-6z"),
    "unregistered": ("line", "m1 1 6 6m0-6-6 6"),
    "suspended": ("line", "m2.5 1v6m3-6v6"),
    "vacant": ("solid", "m3 4a1 1 0 1 0 2 0a1 1 0 1 0-2 0z"),
}


class Layer(NamedTuple):
    """All stalls in one state, as one path."""

    state: str
    paint: str
    path: str


class Drawn(NamedTuple):
    width: int
    height: int
    layers: list[Layer]


def draw(places: Sequence[Place]) -> Drawn:
    """In the order one walks, row by row."""
    layers = []
    for state in STATES:
        paint, shape = GLYPHS[state]
        spots = [divmod(nth, IN_A_ROW) for nth, place in enumerate(places) if place.state == state]
        if spots:
            moves = (f"M{STEP * column + 1} {STEP * row + 1}{shape}" for row, column in spots)
            layers.append(Layer(state, paint, "".join(moves)))
    return Drawn(STEP * IN_A_ROW, STEP * -(-len(places) // IN_A_ROW), layers)
