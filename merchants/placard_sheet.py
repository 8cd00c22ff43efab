"""The sheets of placards a market board prints: which codes, and the PDF to cut them from."""

import re
from collections.abc import Collection, Sequence
from datetime import date, datetime
from math import ceil
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session, select

from ground import paper, words
from ground.refusal import Refusal
from merchants import account, bank, qr_image
from merchants.market import Market
from merchants.placard import Placard, PrintRun
from merchants.spelling import in_order

ON_A_SHEET = {"a6": 4, "a5": 2}


class Face(NamedTuple):
    """What a placard says. `holder` is whom the bank app names as receiver, where that is known."""

    code_id: int
    serial: str
    stall: str
    section: str | None
    vendor: str
    bin: str
    account: str
    holder: str | None
    payload: str
    printed: bool


# A virtual account's holder is the provider's to name: only the vendor's own account is shown with a name.
_FACES = text("""
    SELECT c.id, c.serial, s.number, state.section, t.name, a.bin, a.number,
        CASE WHEN state.account_id = c.account_id THEN state.account_name END, c.payload,
        EXISTS (SELECT 1 FROM placard p WHERE p.code_id = c.id)
    FROM code c
    JOIN stall s ON s.id = c.stall_id
    JOIN merchant t ON t.id = c.merchant_id
    JOIN account a ON a.id = c.account_id
    LEFT JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.since <= greatest(:day, c.live_from)
        AND (state.until IS NULL OR greatest(:day, c.live_from) < state.until)
    WHERE s.market_id = :market AND (c.revoked_on IS NULL OR c.revoked_on > greatest(:day, c.live_from))
""")


def faces(session: Session, market: Market, day: date) -> list[Face]:
    """Every code of the market that is live on `day` or will be, in the order one walks: by section and stall."""
    found = [Face(*row) for row in session.execute(_FACES, {"market": market.key, "day": day})]
    return sorted(found, key=lambda face: (in_order(face.section or ""), in_order(face.stall), face.code_id))


_FRESH = text("""
    SELECT count(*) FROM code c JOIN stall s ON s.id = c.stall_id
    WHERE s.market_id = :market AND (c.revoked_on IS NULL OR c.revoked_on > greatest(:day, c.live_from))
        AND NOT EXISTS (SELECT 1 FROM placard p WHERE p.code_id = c.id)
""")


def count_fresh(session: Session, market: Market, day: date) -> int:
    """How many of `faces` were never printed."""
    return int(session.execute(_FRESH, {"market": market.key, "day": day}).scalar_one())


def choose(
    found: Sequence[Face], *, sections: Collection[str] = (), stalls: Collection[str] = (), only_new: bool = False
) -> list[Face]:
    """Those of these sections and stalls (all without any); `only_new`: never printed. A name not found is refused."""
    for names, key in ((sections, "section"), (stalls, "stall")):
        known = {_same(getattr(face, key) or "") for face in found}
        lost = [name for name in names if _same(name) not in known]
        if lost:
            raise Refusal(f"placard.no_{key}", names=", ".join(lost), status=404)
    wanted = {_same(name) for name in sections}, {_same(name) for name in stalls}
    chosen = [
        face
        for face in found
        if (not wanted[0] or _same(face.section or "") in wanted[0])
        and (not wanted[1] or _same(face.stall) in wanted[1])
        and not (only_new and face.printed)
    ]
    if not chosen:
        raise Refusal("placard.none_new" if only_new and found else "placard.none")
    return chosen


def of_run(session: Session, market: Market, run: PrintRun, day: date) -> list[Face]:
    """What a print run held, without the codes that were revoked since."""
    known = set(session.exec(select(Placard.code_id).where(Placard.print_run_id == run.key)))
    chosen = [face for face in faces(session, market, day) if face.code_id in known]
    if not chosen:
        raise Refusal("placard.none")
    return chosen


def draw(market: Market, chosen: Sequence[Face], size: str, *, base_url: str, moment: datetime) -> bytes:
    """The PDF of these placards. Slow (some milliseconds each): never inside a transaction."""
    check_size(size)
    return paper.pdf("placard", content(market, chosen, size, base_url), moment)


def check_size(size: str) -> None:
    if size not in ON_A_SHEET:
        raise Refusal("placard.size", size=size[:20])


def sheets(count: int, size: str) -> int:
    """How many sheets of A4 so many placards take."""
    return ceil(count / ON_A_SHEET[size])


def content(market: Market, chosen: Sequence[Face], size: str, base_url: str) -> dict[str, Any]:
    """What the template is filled with: Vietnamese, with one line for visitors."""
    scan, any_bank = words.say("placard.paper.scan"), words.say("placard.paper.any_bank")
    return {
        "size": size,
        "title": words.say("placard.paper.title", market=market.name),
        "author": words.say("page.name"),
        "words": {
            "scan": scan,
            "any_bank": f"{any_bank} · {words.say('placard.paper.scan', 'en')}",
            "mark": "VietQR",
            "genuine": words.say("placard.paper.genuine"),
        },
        "placards": [_content(market, face, base_url.rstrip("/")) for face in chosen],
    }


def _content(market: Market, face: Face, base_url: str) -> dict[str, str]:
    url = f"{base_url}/v/{face.serial}"
    at_bank = f"{bank.short_name(face.bin)} {account.tail(face.account)}"
    return {
        "market": market.name,
        "stall": words.say("placard.paper.stall", number=face.stall),
        "vendor": face.vendor,
        "check": words.say(f"placard.paper.check_{'name' if face.holder else 'account'}"),
        "receiver": f"{face.holder} · {at_bank}" if face.holder else at_bank,
        "serial": words.say("placard.paper.serial", serial=face.serial),
        "url": url,
        "link": url.partition("://")[2],
        "qr": qr_image.svg(face.payload),
        "alt": words.say("placard.paper.picture", stall=face.stall),
    }


def reaches_only_this_machine(base_url: str) -> bool:
    """Whether a printed link would lead a payer to her own phone: the address was never set."""
    return re.search(r"//(127\.|localhost|0\.0\.0\.0|\[::1?\])", base_url) is not None


def _same(name: str) -> str:
    return " ".join(name.casefold().split())
