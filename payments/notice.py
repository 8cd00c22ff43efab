"""A payment notice: what a provider told, kept durably and once, before anyone asks what it means."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
from psycopg import Connection as Psycopg
from sqlalchemy import ARRAY, BigInteger, Column, Connection, Identity, Text, text
from sqlmodel import Field, SQLModel

from ground import clock
from ground.database import Moment
from ground.vault import Vault
from merchants import token
from payments import reference

# BIGINT ends at 9.2·10^18. An amount beyond this is not believable and is never posted; the raw notice has it whole.
AMOUNT_KEPT_MAX = 10**18


class Notice(SQLModel, table=True):
    """A kept notice. Nothing of the payer stands in clear (README.md, law 7); `handled_at` is set when it is posted.

    `repeat_of`: the first notice of the same id, where this one tells another amount, account or direction.
    `beside`: another feed posts its account that day, so that it only corroborates.
    `names` and `named`: keyed hashes of what its reference is called, and of the references its memo mentions.
    """

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    provider: str
    external_id: str
    repeat_of: int | None = Field(default=None, sa_type=BigInteger)
    received_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    occurred_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    business_date: date
    direction: str
    amount: int = Field(sa_type=BigInteger)
    bank: str | None = None
    bin: str | None = None
    account: str
    virtual_account: str | None = None
    reference: str | None = None
    tokens: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    memo_hash: bytes | None = None
    payer_hash: bytes | None = None
    memo: bytes | None = None
    raw: bytes | None = None
    names: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    named: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    handled_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    beside: bool = False


class Told(NamedTuple):
    """One movement of money as a provider told it, in our words.

    amount: whole đồng, above 0. bin: the receiving bank's acquirer BIN where its name is known.
    payer: whatever the provider tells of the payer, only ever kept as a keyed hash.
    """

    provider: str
    external_id: str
    occurred_at: datetime
    direction: str
    amount: int
    bank: str | None
    bin: str | None
    account: str
    virtual_account: str | None
    reference: str | None
    memo: str
    payer: str | None
    raw: bytes


def seal(told: Told, vault: Vault, received_at: datetime) -> dict[str, Any]:
    """The row to be kept: memo and raw body encrypted, memo and payer hashed, the tokens found in clear.

    Of money going out nothing is kept but account, time, amount and references: whom a vendor pays is hers.
    """
    incoming = told.direction == "in"
    return {
        "provider": told.provider,
        "external_id": reference.bounded(told.external_id),
        "received_at": received_at,
        "occurred_at": told.occurred_at,
        "business_date": clock.business_date(told.occurred_at),
        "direction": told.direction,
        "amount": min(told.amount, AMOUNT_KEPT_MAX),
        "bank": told.bank and reference.bounded(told.bank),
        "bin": told.bin,
        "account": told.account,
        "virtual_account": told.virtual_account,
        "reference": told.reference and reference.bounded(told.reference),
        "tokens": token.find(told.memo) if incoming else [],
        "memo_hash": vault.hash(told.memo).hex() if incoming and told.memo else None,
        "payer_hash": vault.hash(told.payer).hex() if incoming and told.payer else None,
        "memo": vault.seal(told.memo.encode()).hex() if incoming and told.memo else None,
        "raw": vault.seal(told.raw).hex() if incoming else None,
        "names": reference.names(vault, told.reference) if incoming else [],
        "named": reference.named(vault, told.memo, (told.account, told.virtual_account)) if incoming else [],
    }


_ROWS = """
    SELECT r.provider, r.external_id, r.received_at, r.occurred_at, r.business_date, r.direction, r.amount,
        r.bank, r.bin, r.account, r.virtual_account, r.reference, r.tokens,
        decode(r.memo_hash, 'hex') AS memo_hash, decode(r.payer_hash, 'hex') AS payer_hash,
        decode(r.memo, 'hex') AS memo, decode(r.raw, 'hex') AS raw,
        r.names, r.named
    FROM json_to_recordset(%s::json) AS r(provider text, external_id text, received_at timestamptz,
        occurred_at timestamptz, business_date date, direction text, amount bigint, bank text, bin text,
        account text, virtual_account text, reference text, tokens text[], memo_hash text, payer_hash text,
        memo text, raw text, names bigint[], named bigint[])
"""
_COLUMNS = """provider, external_id, received_at, occurred_at, business_date, direction, amount, bank, bin, account,
    virtual_account, reference, tokens, memo_hash, payer_hash, memo, raw, names, named"""
_KEEP = f"""
    INSERT INTO notice ({_COLUMNS}) {_ROWS}
    ON CONFLICT (provider, external_id) WHERE repeat_of IS NULL DO NOTHING
    RETURNING provider, external_id
"""
_KEEP_REPEATS = f"""
    INSERT INTO notice ({_COLUMNS}, repeat_of)
    SELECT t.*, n.id FROM ({_ROWS}) AS t
    JOIN notice n ON n.provider = t.provider AND n.external_id = t.external_id AND n.repeat_of IS NULL
    WHERE (n.amount, n.account, n.virtual_account, n.direction)
        IS DISTINCT FROM (t.amount, t.account, t.virtual_account, t.direction)
    ON CONFLICT DO NOTHING
"""


def keep(connection: Psycopg[Any], rows: Sequence[dict[str, Any]]) -> int:
    """Store sealed rows in the caller's transaction; returns how many were new.

    A known id told again is known; told with another amount, account or direction it is kept beside the first,
    which stands. Rows go in one order whatever order they came in, so that two batches never wait for each other.
    """
    ordered = sorted(rows, key=_key)
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, (_json(ordered),))
        new = {(provider, external_id) for provider, external_id in cursor.fetchall()}
        times = Counter(_key(row) for row in ordered)
        again = [row for row in ordered if _key(row) not in new or times[_key(row)] > 1]
        if again:
            cursor.execute(_KEEP_REPEATS, (_json(again),))
    return len(new)


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["provider"], row["external_id"]


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


_EVERY = text("""
    SELECT id, provider, external_id, received_at, occurred_at, direction, amount, bank, bin, account,
        virtual_account, reference, raw
    FROM notice WHERE id > :after ORDER BY id LIMIT :limit
""")


def every(connection: Connection, limit: int = 1000) -> Iterator[list[Any]]:
    """All kept notices in the order they were kept, `limit` at a time."""
    after = 0
    while rows := list(connection.execute(_EVERY, {"after": after, "limit": limit})):
        yield rows
        after = rows[-1].id
