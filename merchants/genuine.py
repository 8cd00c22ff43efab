"""Is this code genuine? A scanned payload against the codes that were issued."""

from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from merchants import qr_image, vietqr
from merchants.vietqr import VietQR

VERDICTS = ("genuine", "unreadable", "revoked", "foreign")
"""From harmless to worst: in a photo of several codes a forged one must not be outdone by a shop's web address."""


class Verdict(NamedTuple):
    """`verdict` is one of VERDICTS; `reason` is a key of the word files, `params` fill it.

    `fields` are the payload's own as docs/commands.md shows them, None when it can't be read.
    """

    verdict: str
    reason: str
    params: dict[str, Any]
    serial: str | None = None
    market: str | None = None
    stall: str | None = None
    fields: dict[str, Any] | None = None


_ISSUED = text("""
    SELECT c.serial, c.live_from, c.revoked_on, c.token, a.bin, a.number, m.code AS market, s.number AS stall
    FROM code c
    JOIN account a ON a.id = c.account_id
    JOIN stall s ON s.id = c.stall_id
    JOIN market m ON m.id = s.market_id
    WHERE c.token = :token OR (a.bin = :bin AND a.number = :account)
    ORDER BY c.token = :token DESC, c.id DESC
""")


def check_photo(session: Session, photo: bytes, on: date | None = None) -> Verdict:
    """The verdict on the code in a photo; of several codes the worst one."""
    try:
        payloads = qr_image.read_image(photo)
    except Refusal as refusal:
        return Verdict("unreadable", refusal.code, refusal.params)
    verdicts = [check(session, payload, on) for payload in payloads]
    return max(
        verdicts,
        key=lambda found: VERDICTS.index(found.verdict),
        default=Verdict("unreadable", "genuine.no_code", {}),
    )


def check(session: Session, payload: str, on: date | None = None) -> Verdict:
    """Genuine: bank, account and token are those of a code live on that day (today), whatever else it says.

    Compared is what is read from the code, never the picture: a swapped sticker differs in the account only.
    A code that names a second receiver beside ours is foreign: the payer's app may choose that one.
    """
    try:
        read = vietqr.read(payload)
    except Refusal as refusal:
        return Verdict("unreadable", refusal.code, refusal.params)
    issued = session.execute(
        _ISSUED, {"token": read.token or "", "bin": read.bin or "", "account": (read.account or "").upper()}
    ).all()
    return _compare(read, issued, on or clock.today())


def _compare(read: VietQR, issued: Any, day: date) -> Verdict:
    account = (read.bin, (read.account or "").upper())
    for code in issued:
        if code.token == read.token and (code.bin, code.number) == account:
            return _standing(read, code, day)
    by_token = [code for code in issued if code.token == read.token]
    if by_token:
        ours = by_token[0]
        told = {"stall": ours.stall, "bin": read.bin or "–", "account": read.account or "–"}
        return Verdict("foreign", "genuine.other_account", told, ours.serial, ours.market, ours.stall, read.fields)
    if issued:
        reason = "genuine.other_token" if read.token else "genuine.no_token"
        told = {"stall": issued[0].stall, "token": read.token or ""}
        return Verdict("foreign", reason, told, None, issued[0].market, issued[0].stall, read.fields)
    return Verdict("foreign", "genuine.not_ours", {}, fields=read.fields)


def _standing(read: VietQR, code: Any, day: date) -> Verdict:
    if any("02" <= id <= "51" and id != "38" for id in read.fields):
        verdict, reason, params = "foreign", "genuine.other_receiver", {}
    elif code.revoked_on is not None and code.revoked_on <= day:
        verdict, reason, params = "revoked", "genuine.revoked", {"on": code.revoked_on}
    elif day < code.live_from:
        verdict, reason, params = "foreign", "genuine.not_yet", {"on": code.live_from}
    else:
        verdict, reason, params = "genuine", "genuine.genuine", {}
    told = {**params, "stall": code.stall}
    return Verdict(verdict, reason, told, code.serial, code.market, code.stall, read.fields)
