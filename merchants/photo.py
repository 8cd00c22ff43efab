"""A photo kept as evidence: small, upright, and without what a camera writes beside the picture."""

import threading
import warnings
from io import BytesIO

from PIL import Image, ImageOps

from ground.refusal import Refusal

BYTES_MAX = 60 * 1024
"""As the table holds it."""
_SIDES = (1024, 800, 640, 480, 320, 160)
_QUALITIES = (80, 65, 50, 35, 20)
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# One at a time: a picture of 50 megapixels takes 150 MB while it is open.
_ONE_PHOTO = threading.Lock()


def shrink(photo: bytes) -> bytes:
    """A JPEG of at most 60 kB. EXIF, place and maker are gone, turned as the camera was held.

    `photo` has been read by `qr_image.read_image` before, which refuses what is too large or no picture.
    """
    with _ONE_PHOTO, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(photo), formats=_FORMATS) as opened:
                opened.draft("RGB", (_SIDES[0], _SIDES[0]))
                picture = ImageOps.exif_transpose(opened)
                picture = _on_white(picture)
                return _small_enough(picture)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise Refusal("image.not_an_image", status=415) from error


def _on_white(picture: Image.Image) -> Image.Image:
    picture.thumbnail((_SIDES[0], _SIDES[0]))
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return picture.convert("RGB")


def _small_enough(picture: Image.Image) -> bytes:
    """The largest of the sizes, and the best of the qualities, that fits."""
    for side in _SIDES:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in _QUALITIES:
            kept = BytesIO()
            picture.save(kept, "JPEG", quality=quality, optimize=True)
            if kept.tell() <= BYTES_MAX:
                return kept.getvalue()
    raise AssertionError("160 pixels a side never take 60 kB")
