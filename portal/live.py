"""What the vendor's open page hears: server-sent events of the payments that come to her stalls."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from ground import clock, money, reading, words
from ground.refusal import Refusal
from payments.own_payment import News
from portal import page
from portal.access import Door, needs, signed_in
from portal.newsroom import Newsroom, Page, Told

router = APIRouter(route_class=Door, include_in_schema=False)
RETRY_MILLISECONDS = 2000
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy that gathers tells too late


def newsroom_of(request: Request) -> Newsroom:
    found = request.app.state.newsroom
    assert isinstance(found, Newsroom)
    return found


@router.get("/stall/live")
@needs("vendor")
async def listen(request: Request, since: str = "") -> Response:
    """`news`, `changed`, `ready` after what was missed, `beat`; each event's id is where to go on: `Last-Event-ID`."""
    room = newsroom_of(request)
    if room.is_closed:
        raise Refusal("page.store_away", status=503)
    place = request.headers.get("last-event-id") or since
    person = signed_in(request)
    joined = await room.join(person, int(place) if place.isascii() and place.isdigit() and len(place) < 19 else None)
    language = page.language_of(request)
    return StreamingResponse(_stream(room, joined, language), media_type="text/event-stream", headers=HEADERS)


async def _stream(room: Newsroom, joined: Page, language: str) -> AsyncIterator[bytes]:
    """Until the page is let go: signed out, without a stall, or the server ends."""
    try:
        yield b"retry: %d\n\n" % RETRY_MILLISECONDS
        while (told := await joined.told.get()) is not None:
            yield _event(told, language, names_stall=len(joined.stalls) > 1)
    finally:
        room.leave(joined)


def _event(told: Told, language: str, *, names_stall: bool) -> bytes:
    content: dict[str, Any] = {} if told.news is None else news(told.news, language, names_stall=names_stall)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (told.floor, told.kind.encode(), orjson.dumps(content))


def news(row: News, language: str, *, names_stall: bool) -> dict[str, Any]:
    """A payment in the words that are shown and said; `late`: of another day, which is shown and not said."""
    is_late = row.day != clock.today()
    kind = "tiny" if row.tiny else "late" if is_late else "received"
    amount = reading.read_out(row.amount, language)
    said = words.say(f"live.{kind}", language, amount=amount, day=page.day(row.day))
    if names_stall:
        said = words.say("live.at_stall", language, stall=row.stall, said=said)
    return {
        "id": row.entry_id,
        "stall": row.stall,
        "amount": row.amount,
        "shown": money.show(row.amount, language),
        "say": said,
        "tiny": row.tiny,
        "late": is_late,
    }
