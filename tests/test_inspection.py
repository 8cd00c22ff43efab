"""Inspections: what hangs at a stall is judged there, kept with a small photo, and settled by the board."""

import random
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from merchants import code, genuine, inspection, market, photo, qr_image, vietqr
from merchants.inspection import Inspection
from payments import indicator, retention, sample
from tests.world import VIETCOMBANK, VUNG_TAU, Street, import_roll

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def look(session: Session, street: Street, payload: str, stall: str = "", **more: Any) -> Inspection:
    place = inspection.locate(session, street.market, genuine.check(session, payload), stall)
    told = {"photo": None, "by": "staff:Minh", "moment": NOW, **more}
    return inspection.record(session, street.market, place, **told)


def payload(street: Street, stall: str) -> str:
    return str(street.codes[stall]["payload"])


def build_other(session: Session) -> Street:
    """A market beside it, with one stall of the same number."""
    found = market.add(session, "cho-b", "Chợ B", VUNG_TAU, since=date(2026, 1, 1))
    import_roll(session, found, "A1;;;Bà Tám;;;;VCB;888;;")
    code.issue(session, found)
    return Street(found, {row["stall"]: row for row in code.every(session, found)})


def overlay(street: Street, stall: str) -> str:
    """The stall's own token over a stranger's account."""
    return vietqr.write(bin=VIETCOMBANK, account="666666666", token=street.token(stall))


def test_a_genuine_code_names_its_stall_itself(session: Session, street: Street) -> None:
    seen = look(session, street, payload(street, "A1"))
    assert (seen.verdict, seen.differs, seen.settled_at) == ("genuine", {}, None)
    assert inspection.find(session, street.market, seen.key).stall == "A1"
    assert inspection.notices(session, street.market) == []


def test_an_overlay_sticker_says_which_account_it_pays_into_and_is_a_notice(session: Session, street: Street) -> None:
    seen = look(session, street, overlay(street, "A1"))
    assert seen.verdict == "foreign" and seen.differs["account"] == "666666666" and seen.differs["bin"] == VIETCOMBANK
    [notice] = inspection.notices(session, street.market)
    assert (notice.inspection.id, notice.stall) == (seen.id, "A1")
    for language in ("vi", "en"):
        assert "666666666" in inspection.explain(seen, "A1", language)


def test_another_stalls_code_is_foreign_where_it_hangs(session: Session, street: Street) -> None:
    seen = look(session, street, payload(street, "A1"), "b1")
    assert (seen.verdict, seen.reason) == ("foreign", "inspection.other_stall")
    assert "A1" in inspection.explain(seen, "B1", "en") and "B1" in inspection.explain(seen, "B1", "en")


def test_another_markets_code_is_foreign_here(session: Session, street: Street) -> None:
    other = build_other(session)
    with pytest.raises(Refusal, match="which stall"):
        look(session, street, payload(other, "A1"))
    assert look(session, street, payload(other, "A1"), "A1").verdict == "foreign"


def test_a_revoked_code_says_since_when(session: Session, street: Street) -> None:
    on = clock.today() - timedelta(days=2)
    code.revoke(session, street.codes["A1"]["serial"], reason="x", on=on)
    seen = look(session, street, payload(street, "A1"))
    assert seen.verdict == "revoked" and f"{on:%d/%m/%Y}" in inspection.explain(seen, "A1", "vi")
    assert len(inspection.notices(session, street.market)) == 1


def test_a_stranger_to_the_books_needs_somebody_to_say_where_it_hangs(session: Session, street: Street) -> None:
    strange = vietqr.write(bin="970422", account="99", token="HELLO")
    for wrong, said in (("", "inspection.which_stall"), ("Z9", "stall.unknown")):
        with pytest.raises(Refusal) as caught:
            look(session, street, strange, wrong)
        assert caught.value.code == said
    seen = look(session, street, strange, "A1")
    assert (seen.verdict, seen.differs) == ("foreign", {"bin": "970422", "account": "99"})
    assert look(session, street, "no payment code", "A1").verdict == "unreadable"


def test_the_board_settles_a_notice_once_and_with_a_word(session: Session, street: Street) -> None:
    seen = look(session, street, overlay(street, "A1"))

    def settle(word: str) -> None:
        inspection.settle(session, street.market, seen.key, word, by="staff:Hoa", moment=NOW + timedelta(hours=1))

    with pytest.raises(Refusal) as caught:
        settle("  ")
    assert caught.value.code == "inspection.no_settlement"
    settle("đã gỡ, báo công an phường")
    assert inspection.notices(session, street.market) == []
    assert inspection.find(session, street.market, seen.key).inspection.settlement == "đã gỡ, báo công an phường"
    with pytest.raises(Refusal) as caught:
        settle("again")
    assert (caught.value.code, caught.value.status) == ("inspection.settled", 409)


def test_one_markets_inspections_are_not_anothers(session: Session, street: Street) -> None:
    other = build_other(session)
    seen = look(session, street, overlay(street, "A1"), photo=b"\xff\xd8")
    for ask in (inspection.find, inspection.find_photo):
        with pytest.raises(Refusal) as caught:
            ask(session, other.market, seen.key)
        assert caught.value.status == 404
    assert inspection.find_photo(session, street.market, seen.key) == b"\xff\xd8"
    assert inspection.notices(session, other.market) == [] == inspection.latest(session, other.market)


def test_of_a_drawn_stall_the_last_look_in_the_period_counts(session: Session, street: Street) -> None:
    def verified() -> tuple[int, int | None]:
        told = indicator.rates(session, "market:cho-a", "2026-11", audience="internal", as_of=NOW)
        (figure,) = [each for each in told.whole.figures if each.indicator == "verified_acceptance"]
        return figure.n, figure.numerator

    look(session, street, payload(street, "A1"))
    assert verified() == (0, None), "picked, not drawn"
    drawn = sample.draw(session, street.market, "2026-11", 6, "lot", by="board", as_of=NOW)
    for stall in drawn.drawn:
        look(session, street, overlay(street, "A1"), stall)
    look(session, street, payload(street, "B1"), moment=NOW - timedelta(days=40))
    assert verified() == (6, 0)
    look(session, street, payload(street, "A1"), moment=NOW + timedelta(hours=1))
    assert verified() == (6, 1)
    asked = drawn.stall_ids, drawn.first, drawn.last
    assert inspection.inspected(session, street.market, *asked) == set(drawn.stall_ids)
    assert inspection.inspected(session, street.market, drawn.stall_ids, drawn.first, drawn.first) == set()


def test_photos_go_with_their_time_but_for_what_is_not_settled(session: Session, street: Street) -> None:
    kept = {"photo": b"\xff\xd8", "moment": NOW - timedelta(days=100)}
    genuine_one = look(session, street, payload(street, "A1"), **kept)
    open_one = look(session, street, overlay(street, "A1"), **kept)
    settled_one = look(session, street, overlay(street, "A2"), **kept)
    fresh_one = look(session, street, payload(street, "A2"), photo=b"\xff\xd8")
    settled_at = NOW - timedelta(days=95)
    inspection.settle(session, street.market, settled_one.key, "taken down", by="board", moment=settled_at)
    list(retention.drop_old(session, 90, NOW))
    left = [each for each in (genuine_one, open_one, settled_one, fresh_one) if inspection.has_photo(session, each.key)]
    assert left == [open_one, fresh_one]


# --- the photo


def jpeg(picture: Image.Image, **options: Any) -> bytes:
    kept = BytesIO()
    picture.save(kept, "JPEG", **options)
    return kept.getvalue()


def test_a_photo_is_kept_small_upright_and_without_its_exif(street: Street) -> None:
    noise = Image.effect_noise((3000, 2000), 90).convert("RGB")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker of phones"
    small = photo.shrink(jpeg(noise, exif=exif, quality=95))
    assert len(small) <= photo.BYTES_MAX and b"Maker" not in small and b"Exif" not in small
    with Image.open(BytesIO(small)) as kept:
        assert kept.format == "JPEG" and kept.height > kept.width, "turned as it was held"
        assert not kept.getexif()


def test_a_code_in_a_kept_photo_can_still_be_read(street: Street) -> None:
    with Image.open(BytesIO(qr_image.png(payload(street, "A1"), 12))) as code_:
        scene = Image.effect_noise((2400, 1800), 30).convert("RGB")
        scene.paste(code_.convert("RGB"), (700, 500))
    small = photo.shrink(jpeg(scene, quality=92))
    assert qr_image.read_image(small) == [payload(street, "A1")]


@given(st.integers(1, 1500), st.integers(1, 1500), st.sampled_from(("L", "RGB", "RGBA", "P", "1")), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_every_picture_fits(width: int, height: int, mode: str, seed: int) -> None:
    noise = Image.frombytes("L", (width, height), random.Random(seed).randbytes(width * height)).convert(mode)
    kept = BytesIO()
    noise.save(kept, "PNG")
    small = photo.shrink(kept.getvalue())
    assert len(small) <= photo.BYTES_MAX
    with Image.open(BytesIO(small)) as shown:
        assert max(shown.size) <= 1024
