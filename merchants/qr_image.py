"""QR images: drawn as SVG and PNG and read back before anyone sees them, and payloads found in a photo."""

import re
import threading
import warnings
import zlib
from collections.abc import Iterator
from html import escape
from io import BytesIO
from struct import error as StructError

import zxingcpp
from PIL import Image, ImageFilter, ImageOps
from qrcode.constants import ERROR_CORRECT_M
from qrcode.exceptions import DataOverflowError
from qrcode.main import QRCode

from ground.refusal import Refusal

BYTES_MAX = 20 * 2**20
PIXELS_MAX = 50_000_000
SIDE_MAX = 65_535
"""What the reader takes."""
QUIET = 4
"""The light margin every code needs, in modules (ISO/IEC 18004)."""

Matrix = list[list[bool]]

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# Over sixty of our payloads its mean penalty (ISO/IEC 18004, 7.8.3) was the lowest of the eight.
_MASK = 0
_DARK = re.compile(rb"\x01+")
_RUN = re.compile(r"M(\d+) (\d+)h(\d+)v1h-\d+z")
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, StructError, zlib.error)
# One photo at a time: it bounds memory, and the warning filters below are the whole process's.
_ONE_PHOTO = threading.Lock()


# --- drawing


def svg(payload: str, title: str = "VietQR") -> str:
    """A square picture without a size of its own: one path of merged module runs on white."""
    matrix = _matrix(payload)
    side = len(matrix) + 2 * QUIET
    path = "".join(_runs(matrix))
    _check(_painted(path, side), payload)
    label = escape(_UNPRINTABLE.sub("", title))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges" '
        f'role="img"><title>{label}</title><path fill="#fff" d="M0 0h{side}v{side}H0z"/>'
        f'<path d="{path}"/></svg>'
    )


def png(payload: str, scale: int = 8) -> bytes:
    """A black and white picture, `scale` pixels a module."""
    assert 1 <= scale <= 100
    matrix = _matrix(payload)
    side = len(matrix) + 2 * QUIET
    picture = _painted("".join(_runs(matrix)), side).convert("1", dither=Image.Dither.NONE)
    kept = BytesIO()
    picture.resize((side * scale, side * scale), Image.Resampling.NEAREST).save(kept, "PNG")
    with Image.open(kept, formats=("PNG",)) as drawn:
        _check(drawn.convert("L"), payload)
    return kept.getvalue()


def _matrix(payload: str) -> Matrix:
    """Error correction M. Any mask reads; the library's search for the best costs four times the rest."""
    if not payload:
        raise Refusal("image.payload")
    code = QRCode(error_correction=ERROR_CORRECT_M, mask_pattern=_MASK)
    try:
        code.add_data(payload)
        code.make()
    except (DataOverflowError, ValueError) as error:
        raise Refusal("image.payload") from error
    matrix: Matrix = code.modules
    return matrix


def _runs(matrix: Matrix) -> list[str]:
    """Each row's dark runs as closed rectangles, moved in by the quiet zone."""
    return [
        f"M{run.start() + QUIET} {y}h{(length := run.end() - run.start())}v1h-{length}z"
        for y, row in enumerate(matrix, QUIET)
        for run in _DARK.finditer(bytes(row))
    ]


def _painted(path: str, side: int) -> Image.Image:
    """The path as a picture of one pixel a module, so that what is read back is what is drawn."""
    pixels = bytearray(b"\xff" * (side * side))
    for run in _RUN.finditer(path):
        x, y, length = map(int, run.groups())
        pixels[y * side + x : y * side + x + length] = bytes(length)
    return Image.frombytes("L", (side, side), bytes(pixels))


def _check(picture: Image.Image, payload: str) -> None:
    """A code that does not read back must never be shown."""
    if _payloads(picture) != [payload]:
        raise Refusal("image.unreadable")


# --- reading


def read_image(content: bytes) -> list[str]:
    """The distinct payloads of all QR codes in a photo, as the reader meets them; none is an empty list.

    Refused: over 20 MB, 50 megapixels or 65,535 pixels a side (413), no picture or a broken one (415).
    """
    if len(content) > BYTES_MAX:
        raise Refusal("image.bytes", status=413, most=BYTES_MAX // 2**20)
    with _ONE_PHOTO, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        photo = _photo(content)
        for picture in _looks(photo):
            if found := _payloads(picture):
                return found
    return []


def _photo(content: bytes) -> Image.Image:
    """The first frame, upright and grey."""
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as picture:
            if picture.width * picture.height > PIXELS_MAX:
                raise Refusal("image.pixels", status=413, most=PIXELS_MAX // 10**6)
            if max(picture.size) > SIDE_MAX:
                raise Refusal("image.side", status=413, most=SIDE_MAX)
            # A JPEG's grey is decoded alone, at a third of the memory.
            picture.draft("L", picture.size)
            return _grey(ImageOps.exif_transpose(picture))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Refusal("image.pixels", status=413, most=PIXELS_MAX // 10**6) from error
    except _BROKEN as error:
        raise Refusal("image.not_an_image", status=415) from error


def _grey(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        # Pillow would clip 16 bits to 8 instead of scaling them.
        return picture.convert("I").point(lambda level: level / 256).convert("L")
    if picture.has_transparency_data:
        # Black modules on nothing are meant to be seen on white.
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("L")
    return picture.convert("L")


def _looks(photo: Image.Image) -> Iterator[Image.Image]:
    """The photo as it is, then, while nothing is found, what helps small, noisy and blurred ones."""
    yield photo
    if max(photo.size) > 1000:
        yield ImageOps.autocontrast(photo.filter(ImageFilter.BoxBlur(1)), cutoff=1)
        return
    yield _enlarged(photo, 2)
    large = _enlarged(photo, 3)
    yield large.filter(ImageFilter.GaussianBlur(2))
    yield large.filter(ImageFilter.UnsharpMask(5, 300, 0))


def _enlarged(photo: Image.Image, times: int) -> Image.Image:
    return photo.resize((photo.width * times, photo.height * times), Image.Resampling.BICUBIC)


def _payloads(picture: Image.Image) -> list[str]:
    codes = zxingcpp.read_barcodes(picture, formats=_QR, text_mode=zxingcpp.TextMode.Plain)
    return list(dict.fromkeys(code.text for code in codes if code.valid))
