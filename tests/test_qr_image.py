"""QR pictures: what is drawn reads back, and what is photographed is found, or refused with the reason."""

import random
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFilter

from ground import words
from ground.refusal import Refusal
from merchants import qr_image, token, vietqr

PAYLOAD = vietqr.write(
    bin="970436",
    account="0123456789012",
    token="ZCH4K7B2C",
    merchant_name="Nguyễn Thị Đào",
    city="Vũng Tàu",
)


def picture(payload=PAYLOAD, scale=8):
    return Image.open(BytesIO(qr_image.png(payload, scale))).convert("L")


def saved(image, format="PNG", **options):
    kept = BytesIO()
    image.save(kept, format, **options)
    return kept.getvalue()


def photo(payload=PAYLOAD, *, module=4.0, angle=0.0, blur=0.0, noise=0, dark=40, light=210):
    """The code on a grey counter, as a phone might see it, as JPEG."""
    side = round(49 * module)
    code = picture(payload).resize((side, side), Image.Resampling.LANCZOS)
    scene = Image.new("L", (side * 2, side * 2), 190)
    scene.paste(code, (side // 2, side // 2))
    scene = scene.rotate(angle, Image.Resampling.BICUBIC, fillcolor=190).filter(ImageFilter.GaussianBlur(blur))
    scene = scene.point(lambda level: dark + level * (light - dark) / 255)
    if noise:
        scene = ImageChops.add(scene, Image.effect_noise(scene.size, noise), 1, -128)
    return saved(scene, "JPEG", quality=80)


def refused(call):
    with pytest.raises(Refusal) as caught:
        call()
    assert all(caught.value.message(language) for language in words.LANGUAGES)
    return caught.value.code, caught.value.status


# --- drawing


def test_an_upper_case_payload_takes_41_modules_or_fewer():
    assert len(qr_image._matrix(PAYLOAD)) == 41
    assert len(qr_image._matrix(PAYLOAD.lower())) > 41


def test_the_svg_is_one_path_on_white_with_a_quiet_zone():
    drawn = qr_image.svg(PAYLOAD, title='Sạp <A&"1">\x00')
    root = ElementTree.fromstring(drawn)
    namespace = "{http://www.w3.org/2000/svg}"
    assert (root.get("viewBox"), root.get("role")) == ("0 0 49 49", "img")
    assert root.get("shape-rendering") == "crispEdges"
    assert [child.tag.removeprefix(namespace) for child in root] == ["title", "path", "path"]
    assert root[0].text == 'Sạp <A&"1">'
    assert len(drawn) < 7000
    painted = qr_image._painted(root[2].get("d"), 49)
    assert painted.getbbox() == (0, 0, 49, 49)
    assert ImageChops.invert(painted).getbbox() == (4, 4, 45, 45)
    assert ImageChops.difference(painted, picture(scale=1)).getbbox() is None
    assert qr_image.read_image(saved(painted.resize((245, 245), Image.Resampling.NEAREST))) == [PAYLOAD]


@pytest.mark.parametrize("scale", [1, 2, 3, 8, 20])
def test_the_png_has_so_many_pixels_a_module(scale):
    drawn = Image.open(BytesIO(qr_image.png(PAYLOAD, scale)))
    assert (drawn.size, drawn.mode, drawn.format) == ((49 * scale, 49 * scale), "1", "PNG")
    assert qr_image.read_image(saved(drawn)) == [PAYLOAD]


def test_every_stalls_code_reads_back():
    source = random.Random(4)
    for _ in range(150):
        account = str(source.randrange(10 ** source.randint(1, 19)))
        payload = vietqr.write(bin="970418", account=account, token=token.draw(source))
        assert qr_image.svg(payload).startswith("<svg")
        assert qr_image.read_image(qr_image.png(payload, 4)) == [payload]


@given(st.text(max_size=120))
@settings(max_examples=100, deadline=None)
def test_any_text_is_drawn_so_that_it_reads_back_or_is_refused(payload):
    for draw in (qr_image.svg, qr_image.png):
        try:
            draw(payload)
        except Refusal as refusal:
            assert refusal.code in ("image.payload", "image.unreadable")


@pytest.mark.parametrize("payload", ["", "x" * 3000, "\ud800"], ids=["empty", "too long", "no text"])
def test_what_can_not_be_drawn_is_refused(payload):
    assert refused(lambda: qr_image.svg(payload)) == ("image.payload", 422)
    assert refused(lambda: qr_image.png(payload)) == ("image.payload", 422)


def test_a_code_that_does_not_read_back_is_never_shown():
    damaged = qr_image._painted("".join(qr_image._runs(qr_image._matrix(PAYLOAD))), 49)
    damaged.paste(255, (20, 4, 45, 45))
    assert refused(lambda: qr_image._check(damaged, PAYLOAD)) == ("image.unreadable", 422)
    other = picture("ANOTHER", scale=1)
    assert refused(lambda: qr_image._check(other, PAYLOAD)) == ("image.unreadable", 422)


# --- reading


@pytest.mark.parametrize(
    "look",
    [
        {"angle": 17},
        {"angle": 90},
        {"angle": 133},
        {"angle": 180},
        {"module": 3, "blur": 1.2},
        {"module": 6, "blur": 3, "angle": 8},
        {"module": 2.2},
        {"module": 1.6},
        {"module": 6, "angle": 30, "noise": 25},
        {"dark": 90, "light": 140},
        {"module": 12, "angle": -5, "blur": 2},
    ],
    ids=str,
)
def test_a_rotated_blurred_small_or_pale_photo_is_read(look):
    assert qr_image.read_image(photo(**look)) == [PAYLOAD]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_own_rotation_is_respected(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert qr_image.read_image(saved(picture(), "JPEG", exif=exif)) == [PAYLOAD]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_every_usual_format_is_read(format):
    assert qr_image.read_image(saved(picture(), format)) == [PAYLOAD]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_colour_mode_is_read(mode):
    grey = picture()
    image = grey.convert("I").point(lambda level: level * 257).convert("I;16") if mode == "I;16" else grey.convert(mode)
    assert qr_image.read_image(saved(image)) == [PAYLOAD]


def test_black_modules_on_nothing_are_seen_on_white():
    nothing = Image.new("RGBA", picture().size, (0, 0, 0, 0))
    nothing.putalpha(ImageChops.invert(picture()))
    assert qr_image.read_image(saved(nothing)) == [PAYLOAD]


def test_all_codes_of_a_photo_are_told_once():
    scene = Image.new("L", (1300, 900), 255)
    for at, payload in enumerate([PAYLOAD, "https://example.org/v/1", PAYLOAD]):
        scene.paste(picture(payload), (at * 430, at * 200))
    found = qr_image.read_image(saved(scene))
    assert sorted(found) == sorted([PAYLOAD, "https://example.org/v/1"])


def test_a_photo_without_a_code_has_none():
    assert qr_image.read_image(saved(Image.effect_noise((400, 300), 60), "JPEG")) == []
    assert qr_image.read_image(saved(Image.new("L", (1, 1)))) == []
    assert qr_image.read_image(saved(Image.new("L", (1500, 1)))) == []


def png_of(width, height):
    """A PNG that only claims to be that large."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"),
    [(50_001, 1000), (9_000, 9_500), (10_000, 10_000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)],
)
def test_too_many_pixels_are_refused_before_they_are_unpacked(width, height):
    assert refused(lambda: qr_image.read_image(png_of(width, height))) == ("image.pixels", 413)


def test_too_long_a_side_is_refused():
    assert refused(lambda: qr_image.read_image(png_of(65_536, 1))) == ("image.side", 413)


def test_too_large_a_file_is_refused():
    content = qr_image.png(PAYLOAD)
    too_much = content + bytes(20 * 2**20 + 1 - len(content))
    assert refused(lambda: qr_image.read_image(too_much)) == ("image.bytes", 413)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        b"%PDF-1.7",
        b"\x89PNG\r\n\x1a\n",
        PAYLOAD.encode(),
        saved(Image.new("L", (9, 9)), "TIFF"),
    ],
    ids=["empty", "text", "pdf", "head only", "payload", "tiff"],
)
def test_what_is_no_picture_is_refused(content):
    assert refused(lambda: qr_image.read_image(content)) == ("image.not_an_image", 415)


def test_a_cut_picture_is_refused():
    for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        content = saved(picture(), format)
        assert refused(lambda content=content: qr_image.read_image(content[: len(content) // 2]))[1] == 415


WHOLE = {format: saved(picture(scale=2), format) for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP")}
# With an orientation in it, so that the damage reaches the EXIF reader too.
TURNED = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
WHOLE |= {f"{format} turned": saved(picture(scale=2), format, exif=TURNED) for format in ("JPEG", "WEBP")}


@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0.2, 1),
)
@settings(max_examples=400, deadline=None)
def test_a_damaged_picture_is_read_or_refused_and_nothing_else(format, changes, kept):
    content = bytearray(WHOLE[format])
    for place, value in changes:
        # Half of the damage goes where the headers are.
        content[int(place * (len(content) if value % 2 else 120))] = value
    try:
        qr_image.read_image(bytes(content[: int(kept * len(content))] if kept < 0.9 else content))
    except Refusal as refusal:
        assert refusal.code in ("image.not_an_image", "image.pixels", "image.side")
