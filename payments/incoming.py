"""A statement's lines on their way into the books: each one taken once, however files overlap.

Of days that no statement of the account has told lines of, as is usual, all lines are new: they go straight where they
belong. Only one that may be like an earlier line of its own file is put aside, to be counted when all are there.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from struct import Struct
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from psycopg import Cursor

from payments import cut, overlap, sealed_line
from payments.statements.line import Lines

_TOLD = f"statement_id, account_id, {sealed_line.COLUMNS}"
_COLUMNS = f"statement_id, account_id, nth, {sealed_line.COLUMNS}"
_ROOM = 32  # bytes a line, of which each leaves its mark on one
_HELD = 2**24  # bytes of lines put aside, before they are held on disk
_PART = 2**20
# Parts of a file in one COPY: PostgreSQL keeps the rows of a command until its triggers have seen them, on disk if they
# are many.
_AT_ONCE = 16
_HEAD = Struct("!hiqiqii").pack  # how many fields, then three: statement, account, which of the alike lines it is
_ARE_THERE_LINES = """
    SELECT EXISTS (SELECT FROM statement_line WHERE account_id = %s AND business_date BETWEEN %s AND %s)
"""
_COPY = f"COPY {{table}} ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_INCOMING = f"""
    CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS
    SELECT {_COLUMNS} FROM statement_line WITH NO DATA
"""
# Most lines have no twin, in the file or in the books: these need no counting.
_TWINS = """
    CREATE TEMPORARY TABLE twin ON COMMIT DROP AS
    SELECT alike FROM incoming GROUP BY alike HAVING count(*) > 1
    UNION
    SELECT i.alike FROM incoming i JOIN statement_line l USING (alike)
    WHERE l.account_id = %(account)s AND l.alike BETWEEN %(lowest)s AND %(highest)s
"""
_SPAN = """
    SELECT (SELECT alike FROM incoming ORDER BY alike LIMIT 1), (SELECT alike FROM incoming ORDER BY alike DESC LIMIT 1)
"""
_INSERT = f"INSERT INTO statement_line ({_TOLD}, nth) SELECT i.{_TOLD.replace(', ', ', i.')},"
_TAKE_SINGLES = f"{_INSERT} 1 FROM incoming i WHERE NOT EXISTS (SELECT FROM twin t WHERE t.alike = i.alike)"
# A file's k-th alike line is another file's k-th. Where both tell the running balance, that tells alike lines
# apart: the k-th of a balance is the k-th of that balance. Where one does not, the larger count in one file stands.
_TAKE_TWINS = f"""
    WITH known AS (
        SELECT alike, count(*) AS lines, count(balance) AS balances FROM statement_line
        WHERE account_id = %(account)s AND alike IN (SELECT alike FROM twin) GROUP BY alike
    ), ranked AS (
        SELECT i.ctid AS place, i.alike, i.balance, i.row, coalesce(k.lines, 0) AS known_lines,
            k.lines IS NOT NULL AND k.balances = k.lines
                AND count(i.balance) OVER same = count(*) OVER same AS by_balance,
            row_number() OVER (PARTITION BY i.alike ORDER BY i.row) AS nth_alike,
            row_number() OVER (PARTITION BY i.alike, i.balance ORDER BY i.row) AS nth_balance
        FROM incoming i JOIN twin USING (alike) LEFT JOIN known k USING (alike)
        WINDOW same AS (PARTITION BY i.alike)
    ), fresh AS (
        SELECT place, known_lines + row_number() OVER (PARTITION BY alike ORDER BY row) AS nth FROM ranked r
        WHERE CASE WHEN by_balance THEN nth_balance > (
                SELECT count(*) FROM statement_line l
                WHERE l.account_id = %(account)s AND l.alike = r.alike AND l.balance = r.balance)
            ELSE nth_alike > known_lines END
    )
    {_INSERT} f.nth FROM fresh f JOIN incoming i ON i.ctid = f.place ORDER BY i.row
"""
_TAKE_ASIDE = f"""
    {_INSERT} row_number() OVER (PARTITION BY i.alike ORDER BY i.row)
        + (SELECT count(*) FROM statement_line l WHERE l.account_id = i.account_id AND l.alike = i.alike)
    FROM incoming i ORDER BY i.row
"""


def take_lines(
    cursor: Cursor[Any],
    account_id: int,
    statement_id: int,
    lines: Lines,
    rows: Iterable[list[bytes]],
    *,
    source: str,
) -> int:
    """Store those of a statement's lines that are not known; how many.

    `rows`: the lines as they are to be stored (`crew.seal`). `source`: the layout or provider they are of.
    """
    if not lines:
        return 0
    days = lines.days()
    cursor.execute("SET LOCAL work_mem = '64MB'")
    cursor.execute(_INCOMING)
    head = _HEAD(3 + sealed_line.FIELDS, 8, statement_id, 8, account_id, 4, 1)
    cursor.execute(_ARE_THERE_LINES, (account_id, *days))
    if cursor.fetchone() == (False,):
        taken = _take_new(cursor, head, rows, len(lines))
    else:
        _copy(cursor, "incoming", (head + head.join(part) for part in rows))
        overlap.leave_out(cursor, account_id, statement_id, source=source)
        taken = _take_unknown(cursor, account_id, statement_id)
    overlap.note(cursor, account_id, statement_id, *days, source=source)
    cursor.execute("DROP TABLE incoming")
    return taken


def _take_new(cursor: Cursor[Any], head: bytes, rows: Iterable[list[bytes]], count: int) -> int:
    with SpooledTemporaryFile(_HELD) as aside:
        taken, parts = 0, _put_aside(head, rows, count, aside)
        for first in parts:
            taken += _copy(cursor, "statement_line", chain([first], islice(parts, _AT_ONCE - 1)))
        if aside.tell():
            aside.seek(0)
            _copy(cursor, "incoming", iter(lambda: aside.read(_PART), b""))
            cursor.execute("ANALYZE incoming (row, alike)")
            cursor.execute(_TAKE_ASIDE)
            taken += cursor.rowcount
    return taken


def _put_aside(head: bytes, rows: Iterable[list[bytes]], count: int, aside: IO[bytes]) -> Iterator[bytes]:
    """The rows that certainly have no twin before them. One in a hundred of the others has none either."""
    met = bytearray(_ROOM * count)
    for part in rows:
        sure = []
        for row in part:
            place = int.from_bytes(row[-4:], "big") % len(met)  # the end of a keyed hash: any place is as likely
            if met[place]:
                aside.write(head + row)
            else:
                met[place] = 1
                sure.append(row)
        yield head + head.join(sure) if sure else b""


def _take_unknown(cursor: Cursor[Any], account_id: int, statement_id: int) -> int:
    """Of the table `incoming`."""
    cursor.execute("ANALYZE incoming (row, alike)")
    cursor.execute(_SPAN)
    lowest, highest = cursor.fetchone() or (None, None)
    places = {"account": account_id, "lowest": lowest, "highest": highest}
    cursor.execute(_TWINS, places)
    twins = cursor.rowcount
    cursor.execute("ANALYZE twin")
    cursor.execute(_TAKE_SINGLES)
    taken = cursor.rowcount
    if twins:
        cursor.execute(_TAKE_TWINS, places)
        taken += cursor.rowcount
        cut.note(cursor, account_id, statement_id)
    cursor.execute("DROP TABLE twin")
    return taken


def _copy(cursor: Cursor[Any], table: str, tuples: Iterable[bytes]) -> int:
    with cursor.copy(_COPY.format(table=table)) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for part in tuples:
            copy.write(part)
        copy.write(b"\xff\xff")
    return cursor.rowcount
