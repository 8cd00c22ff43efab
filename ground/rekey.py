"""Rekey: seal anew, with the first value of the secret key, all that was sealed with another one that is still here."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine, text
from sqlmodel import Session

from ground import database
from ground.vault import Vault

PAGES = 128  # of a table in one commit
_PAGE_BYTES = 8192  # PostgreSQL's


class Column(NamedTuple):
    """One that may hold sealed texts."""

    table: str
    name: str


def rekey(engine: Engine, vault: Vault, tell: Callable[[str, int], None] = lambda place, sealed: None) -> int:
    """Seal everything anew, some pages a commit; returns how many texts. Stopped anywhere, it goes on with the rest.

    Sealed texts are known by the mark of their key, so that no list of columns can be out of date. The books' key for
    hashes is sealed anew last, with the fingerprint: from then on the old key may be taken away. `tell` hears how many
    of a column were sealed anew.
    """
    sealed = 0
    with database.session(engine) as session:
        columns = [Column(row.table, row.name) for row in session.execute(_COLUMNS)]
        # A row that somebody changes meanwhile moves behind the place where this looks: until a round finds none.
        while count := sum(_go_through(session, vault, column, tell) for column in columns):
            sealed += count
        session.execute(
            text("UPDATE installation SET key_fingerprint = :key, hash_key = :hash"),
            {"key": vault.fingerprint, "hash": vault.seal(vault.hash_key)},
        )
        session.commit()
    return sealed


_COLUMNS = text("""
    SELECT c.relname AS table, a.attname AS name
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.atttypid = 'bytea'::regtype
        AND NOT a.attisdropped AND c.relname <> 'installation'
    ORDER BY 1, 2
""")


def _go_through(session: Session, vault: Vault, column: Column, tell: Callable[[str, int], None]) -> int:
    size = text("SELECT pg_relation_size(CAST(:table AS regclass))")
    pages = int(session.execute(size, {"table": f'"{column.table}"'}).scalar_one()) // _PAGE_BYTES + 1
    sealed = 0
    for first in range(0, pages, PAGES):
        sealed += _seal_anew(session, vault, column, first)
        session.commit()
    if sealed:
        tell(f"{column.table}.{column.name}", sealed)
    return sealed


def _seal_anew(session: Session, vault: Vault, column: Column, first: int) -> int:
    """The texts on PAGES pages of the table."""
    where = {"first": f"({first},0)", "last": f"({first + PAGES},0)", "marks": vault.old_marks}
    found = session.execute(
        text(f"""
            SELECT ctid::text AS place, "{column.name}" AS sealed FROM "{column.table}"
            WHERE ctid >= CAST(:first AS tid) AND ctid < CAST(:last AS tid)
                AND substring("{column.name}" FROM 1 FOR 8) = ANY(:marks) FOR UPDATE
        """),
        where,
    ).all()
    if found:
        session.execute(
            text(f"""
                UPDATE "{column.table}" SET "{column.name}" = r.sealed
                FROM unnest(CAST(:places AS text[]), CAST(:sealed AS bytea[])) AS r(place, sealed)
                WHERE "{column.table}".ctid = r.place::tid
            """),
            {
                "places": [row.place for row in found],
                "sealed": vault.seal_all([vault.unseal(row.sealed) for row in found]),
            },
        )
    return len(found)
