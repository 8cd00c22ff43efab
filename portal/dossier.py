"""Everything kept about one vendor: kind by kind on a page, and as one file to take away."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Result, text
from sqlmodel import Session

from ground import clock, words
from merchants import bank
from portal import application_form, page
from portal.kept_kind import KINDS, Kind

SHOWN = 12
_SIGNED = ("by",)

Row = Mapping[str, str]


class Whose(NamedTuple):
    """A vendor: her number, her phone, and who she is on the rolls by that phone."""

    vendor_id: int
    phone: str
    merchants: list[int]

    @property
    def asked(self) -> dict[str, Any]:
        """As the queries of the kinds ask for her."""
        who = f"vendor:{self.vendor_id}"
        return {"vendor": self.vendor_id, "who": who, "phone": self.phone, "merchants": self.merchants}


class Kept(NamedTuple):
    """A kind, how many rows there are of it, and all of them or the latest, in people's words."""

    kind: Kind
    number: int
    rows: list[Row]


def whose(session: Session, vendor_id: int, phone: str) -> Whose:
    merchants = session.execute(text("SELECT id FROM merchant WHERE phone = :phone ORDER BY id"), {"phone": phone})
    return Whose(vendor_id, phone, list(merchants.scalars()))


def read(session: Session, her: Whose, language: str) -> list[Kept]:
    """Every kind with all its rows, those of which nothing is kept as well."""
    kept = [(kind, list(_rows(session, kind.rows, her, language))) for kind in KINDS]
    return [Kept(kind, len(rows), rows) for kind, rows in kept]


def glance(session: Session, her: Whose, language: str) -> list[Kept]:
    """As `read`, of each kind the last rows only, the latest first."""
    kept = []
    for kind in KINDS:
        counted = _ask(session, f"SELECT count(*) AS n FROM ({kind.rows}) AS x", her)
        count = int(counted.scalar_one())
        rows = _rows(session, f"{kind.rows} OFFSET {max(count - SHOWN, 0)}", her, language) if count else iter(())
        kept.append(Kept(kind, count, list(rows)[::-1]))
    return kept


def _ask(session: Session, query: str, her: Whose) -> Result[Any]:
    return session.execute(text(query), {name: value for name, value in her.asked.items() if f":{name}" in query})


def _rows(session: Session, query: str, her: Whose, language: str) -> Iterator[Row]:
    found = _ask(session, query, her)
    columns = list(found.keys())
    headings = {name: words.say(f"own_record.column.{name}", language) for name in columns}
    for row in found.mappings():
        yield {headings[name]: _say(name, value, language) for name, value in row.items() if value is not None}


def _say(name: str, value: Any, language: str) -> str:
    """A cell as a person reads it; an amount stays a plain number, so that a spreadsheet can add it up."""
    if isinstance(value, datetime):
        return f"{value.astimezone(clock.ZONE):%d/%m/%Y %H:%M:%S}"
    if isinstance(value, date):
        return page.day(value)
    if isinstance(value, bool):
        return words.say(f"own_record.value.{'yes' if value else 'no'}", language)
    if name in _SIGNED:
        return application_form.signer(value, language)
    if name == "bank":
        return bank.short_name(value)
    key = f"own_record.value.{value}"
    return words.say(key, language) if key in words.book(language) else str(value)


def pack(kept: list[Kept], her: Whose, moment: datetime, language: str, days: int) -> bytes:
    """One zip: what it is, everything as JSON, and a CSV that a spreadsheet opens for each kind there is.

    days: after which memos and photos are dropped.
    """
    there = [each for each in kept if each.rows]
    told = {words.say(f"own_record.kind.{each.kind.key}", language): each.rows for each in there}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        lead = words.say("own_record.file_lead", language, phone=her.phone, moment=page.moment(moment))
        packed.writestr("doc-truoc.txt", "\n".join([lead, "", *_told_of(kept, language, days)]) + "\n")
        packed.writestr("tat-ca.json", json.dumps(told, ensure_ascii=False, indent=1))
        for number, each in enumerate(there, 1):
            packed.writestr(f"{number:02}-{each.kind.key}.csv", _csv(each))
    return file.getvalue()


def _told_of(kept: list[Kept], language: str, days: int) -> Iterator[str]:
    for each in kept:
        name = words.say(f"own_record.kind.{each.kind.key}", language)
        keeping = words.say(f"own_record.keeping.{each.kind.key}", language, days=days)
        fate = words.say(f"own_record.fate.{each.kind.fate}", language)
        yield f"- {name} ({each.number}): {keeping} {fate}."


def _csv(kept: Kept) -> str:
    """With the mark by which Excel knows UTF-8. A cell that would be a formula there is text."""
    headings = list(dict.fromkeys(name for row in kept.rows for name in row))
    file = io.StringIO()
    writer = csv.DictWriter(file, headings, restval="")
    writer.writeheader()
    writer.writerows({name: _inert(value) for name, value in row.items()} for row in kept.rows)
    return "\ufeff" + file.getvalue()


def _inert(value: str) -> str:
    return f"'{value}" if value[:1] in "=+@\t\r" or (value[:1] == "-" and not value[1:].isdigit()) else value
