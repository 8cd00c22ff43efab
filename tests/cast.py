"""The cast: everybody who has a part, signed in through the real doors, and two markets in different places."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from html import unescape
from typing import Any

from httpx2 import Cookies, Response
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import clock
from ground.store import Store
from merchants import code, market
from portal import app as portal
from portal import invitation, staff, vendor_account
from portal.person import Office
from tests.world import Street, find_street, import_roll

PASSWORD = "ba con voi qua cau tre"
HERE, ELSEWHERE = "cho-a", "cho-b"
# Phường Vũng Tàu in Thành phố Hồ Chí Minh; Phường Ba Đình in Hà Nội.
WARD, OTHER_WARD = "26506", "00004"
PROVINCE, OTHER_PROVINCE = "79", "01"
VENDOR_PHONE = "0912000001"  # Cô Ba, stall A1 of cho-a

OTHER_STREET = """
A1;A;Rau;Cô Tám;0913000001;;;VCB;2000001;LY THI TAM;
A2;A;Cá;Chú Chín;0913000002;;;VCB;2000002;DO VAN CHIN;
B1;B;Vải;Bà Mười;0913000003;;;BIDV;2000003;VU THI MUOI;
"""

# Each of the staff: name, role, area. `other_…` has the same role somewhere else.
STAFF = {
    "helper": ("Minh Tổ Số", "helper", f"market:{HERE}"),
    "board": ("Chị Hoa", "board", f"market:{HERE}"),
    "ward": ("Anh Dũng", "ward", f"ward:{WARD}"),
    "province": ("Bà Lan", "province", f"province:{PROVINCE}"),
    "operator": ("Người Vận Hành", "operator", None),
    "other_helper": ("Tư Tổ Số", "helper", f"market:{ELSEWHERE}"),
    "other_board": ("Anh Bình", "board", f"market:{ELSEWHERE}"),
    "other_ward": ("Chị Thu", "ward", f"ward:{OTHER_WARD}"),
    "other_province": ("Ông Phúc", "province", f"province:{OTHER_PROVINCE}"),
}
ROLES = ("vendor", *STAFF)


@dataclass
class Browser:
    """One person's browser: pages, and forms sent the way a browser sends them."""

    client: TestClient

    def get(self, path: str, **options: Any) -> Response:
        return self.client.get(path, **{"follow_redirects": False, **options})

    def submit(self, page: str, action: str | None = None, **fields: Any) -> Response:
        """Open a page, take its form's token along, and send the fields to `action` (the page itself if None).

        `files=` sends files. The answer is not followed, so that its 303 can be looked at.
        """
        files = fields.pop("files", None)
        told = {"token": self.token(page), **fields}
        return self.client.post(action or page, data=told, files=files, follow_redirects=False)

    def token(self, page: str = "/signin") -> str:
        """The token of the first form on a page."""
        answer = self.get(page, follow_redirects=True)
        assert answer.status_code < 500, answer.text
        found = re.search(r'name="token" value="([0-9a-f]+)"', answer.text)
        assert found is not None, f"no form on {page}"
        return unescape(found[1])


@dataclass
class Cast:
    """The stage: cho-a with its street, cho-b far away, the staff of both, and a vendor."""

    books: Store
    street: Street
    other: Street
    app: Any
    visits: Mapping[str, Cookies] = field(default_factory=dict)
    browsers: dict[str, Browser] = field(default_factory=dict)

    def stranger(self) -> Browser:
        """A fresh browser in which nobody is signed in."""
        return Browser(TestClient(self.app, raise_server_exceptions=False))

    def sign_in(self, who: str) -> Browser:
        """The browser of `vendor`, `helper`, `board`, … (see ROLES), signed in; `stranger` is nobody's."""
        if who == "stranger":
            return self.stranger()
        if who not in self.browsers:
            self.browsers[who] = self.come_in(who)
        return self.browsers[who]

    def come_in(self, who: str) -> Browser:
        """Another browser of the same person; the staff's are those of the visit that began with the stage."""
        browser = self.stranger()
        if who in self.visits:
            browser.client.cookies = Cookies(self.visits[who])
        elif who != "stranger":
            answer = _come_in_vendor(self, browser) if who == "vendor" else _come_in_staff(self, browser, who)
            assert answer.status_code == 303, answer.text
        return browser


def set_stage(books: Store) -> dict[str, Cookies]:
    """Beside the street: a market in another province, and every account. The staff come in; returns their cookies."""
    moment = clock.now()
    with books.session() as session:
        _build_other(session)
        for name, role, area in STAFF.values():
            staff.appoint(session, staff.add(session, name, moment), Office(role, area), moment)
        session.commit()
        cast = assemble(books, find_street(session))
    return {who: cast.sign_in(who).client.cookies for who in STAFF}


def assemble(books: Store, street: Street, visits: Mapping[str, Cookies] | None = None) -> Cast:
    """On the stage that was set; `visits` are those that began there."""
    with books.session() as session:
        app = portal.create(books, lambda: True)
        return Cast(books, street, find_street(session, ELSEWHERE), app, visits or {})


def _build_other(session: Session) -> None:
    """Its people, accounts and phones are none of the first market's."""
    since = date(2026, 1, 1)
    found = market.add(session, ELSEWHERE, "Chợ B", OTHER_WARD, since=since)
    assert not import_roll(session, found, OTHER_STREET).errors
    code.issue(session, found, since=since)


def _come_in_staff(cast: Cast, browser: Browser, who: str) -> Any:
    """By the one-time link of `user add`, choosing PASSWORD, with which `/signin` lets in from then on."""
    with cast.books.session() as session:
        key = staff.find(session, STAFF[who][0]).key
        token = invitation.make(session, cast.books.vault, clock.now(), by="test", staff_id=key)
        session.commit()
    return browser.submit(f"/signin/link/{token}", password=PASSWORD, again=PASSWORD)


def _come_in_vendor(cast: Cast, browser: Browser) -> Any:
    """By a slip that a helper prints: the code by SMS has tests of its own."""
    with cast.books.session() as session:
        vendor_id = vendor_account.take_up(session, VENDOR_PHONE, clock.now())
        token = invitation.make(session, cast.books.vault, clock.now(), by="test", vendor_id=vendor_id)
        session.commit()
    return browser.submit(f"/signin/link/{token}")
