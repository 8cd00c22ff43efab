"""An eye for PDFs: paints the filled shapes of a page, text left out, as a printer would."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw
from pypdf import PageObject, PdfReader
from pypdf.generic import ContentStream

Matrix = tuple[float, float, float, float, float, float]


def pages(content: bytes) -> list[PageObject]:
    return list(PdfReader(BytesIO(content)).pages)


def paint(page: PageObject, scale: float = 2) -> Image.Image:
    """`scale` pixels a point. Curves are taken as straight lines to their end."""
    high = float(page.mediabox.height)
    canvas = Image.new("RGB", (round(float(page.mediabox.width) * scale), round(high * scale)), "white")
    pen = ImageDraw.Draw(canvas)
    for matrix, colour, path in _fills(page):
        a, b, c, d, e, f = matrix
        for shape in path:
            corners = [((a * x + c * y + e) * scale, (high - (b * x + d * y + f)) * scale) for x, y in shape]
            if len(corners) > 2:
                # the pixel at the far edge belongs to the next shape
                pen.polygon([(round(x - 0.5), round(y - 0.5)) for x, y in corners], fill=colour)
    return canvas


def _fills(page: PageObject) -> Iterator[tuple[Matrix, tuple[int, ...], list[list[tuple[float, float]]]]]:
    matrix: Matrix = (1, 0, 0, 1, 0, 0)
    colour: tuple[int, ...] = (0, 0, 0)
    kept: list[Any] = []
    path: list[list[tuple[float, float]]] = []
    for operands, name in ContentStream(page.get_contents(), page.pdf).operations:
        numbers = [float(value) for value in operands if isinstance(value, int | float)]
        match name:
            case b"q":
                kept.append((matrix, colour))
            case b"Q":
                matrix, colour = kept.pop()
            case b"cm":
                matrix = _times(tuple(numbers), matrix)  # type: ignore[arg-type]
            case b"scn" | b"rg" | b"g":
                colour = tuple(round(255 * part) for part in (numbers if len(numbers) == 3 else numbers[:1] * 3))
            case b"m":
                path.append([(numbers[0], numbers[1])])
            case b"l" | b"c":
                path[-1].append((numbers[-2], numbers[-1]))
            case b"f" | b"f*":
                yield matrix, colour, path
                path = []
            case b"S" | b"n":
                path = []


def _times(one: Matrix, other: Matrix) -> Matrix:
    (a, b, c, d, e, f), (A, B, C, D, E, F) = one, other
    return (a * A + b * C, a * B + b * D, c * A + d * C, c * B + d * D, e * A + f * C + E, e * B + f * D + F)
