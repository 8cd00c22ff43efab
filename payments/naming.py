"""Naming: the rules by which a notice and a line are paired because one is called what the other is, or mentions it.

Each rule leaves its pairs (notice_id, line_id, rule) in `fresh`; `matching` says in which order they come.
"""

_NAME = "account_id, reference"
# Mutually the only ones: the notice has one such line on its days, the line one such notice.
_ONLY = """
    INSERT INTO fresh
    WITH {worn}edge AS MATERIALIZED ({edges}),
    several AS (SELECT n FROM edge GROUP BY n HAVING count(*) > 1),
    shared AS (SELECT l FROM edge GROUP BY l HAVING count(*) > 1)
    SELECT n, l, '{rule}' FROM edge
    WHERE n NOT IN (SELECT n FROM several) AND l NOT IN (SELECT l FROM shared) {keep}
"""
# A reference that two notices or two lines of one day bear names neither of them, nor what either of them could be.
_WORN = """
    told_twice AS (SELECT {key}, day, min(low) AS low, max(high) AS high FROM told {of} GROUP BY {key}, day
        HAVING count(*) > 1),
    stated_twice AS (SELECT {key}, day FROM stated {of} GROUP BY {key}, day HAVING count(*) > 1),
    worn_told AS (SELECT n.id FROM told n JOIN stated_twice w USING ({key}) WHERE w.day BETWEEN n.low AND n.high),
    worn_stated AS (SELECT l.id FROM stated l JOIN told_twice w USING ({key}) WHERE l.day BETWEEN w.low AND w.high),
"""
_BORNE_ONCE = """
    SELECT n.id AS n, l.id AS l FROM {told} n JOIN {stated} l USING ({key}) {of}
    WHERE l.day BETWEEN n.low AND n.high
        AND ({key}, n.day) NOT IN (SELECT {key}, day FROM told_twice)
        AND ({key}, l.day) NOT IN (SELECT {key}, day FROM stated_twice)
"""
# NOT IN: one look at each, whatever the planner thinks of their number.
_NOT_WORN = "AND n NOT IN (SELECT id FROM worn_told) AND l NOT IN (SELECT id FROM worn_stated)"
_NAME_AND_AMOUNT = f"{_NAME}, amount"
# Nearly all names are borne by one notice and one line altogether: those need none of the care. The others are noted.
SAME_REFERENCE = f"""
    WITH alike AS MATERIALIZED (
        SELECT n.id AS n, l.id AS l, l.day BETWEEN n.low AND n.high AS in_time
        FROM told n JOIN stated l USING ({_NAME_AND_AMOUNT})
    ),
    several AS (SELECT n FROM alike GROUP BY n HAVING count(*) > 1),
    shared AS (SELECT l FROM alike GROUP BY l HAVING count(*) > 1),
    only_once AS (
        INSERT INTO fresh SELECT n, l, 'reference' FROM alike
        WHERE in_time AND n NOT IN (SELECT n FROM several) AND l NOT IN (SELECT l FROM shared)
    )
    INSERT INTO repeated SELECT DISTINCT {_NAME_AND_AMOUNT} FROM told WHERE id IN (
        SELECT n FROM alike WHERE n IN (SELECT n FROM several) OR l IN (SELECT l FROM shared))
"""
_REPEATED = f"JOIN repeated USING ({_NAME_AND_AMOUNT})"
SAME_REFERENCE_REPEATED = _ONLY.format(
    rule="reference",
    keep=_NOT_WORN,
    worn=_WORN.format(key=_NAME_AND_AMOUNT, of=_REPEATED),
    edges=_BORNE_ONCE.format(told="told", stated="stated", key=_NAME_AND_AMOUNT, of=_REPEATED),
)
# References that both sides still bear once the first rule has taken what it could; a table, so that the planner knows
# how few they are.
REST = f"""
    CREATE TEMPORARY TABLE rest ON COMMIT DROP AS
    SELECT {_NAME} FROM free_told INTERSECT SELECT {_NAME} FROM free_stated
"""
# Of those, each borne by one notice and one line of a day, whatever their amounts.
_WORN_REST = _WORN.format(key=_NAME, of=f"JOIN rest USING ({_NAME})")
OTHER_AMOUNT = _ONLY.format(
    rule="reference",
    keep=_NOT_WORN,
    worn=_WORN_REST,
    edges=_BORNE_ONCE.format(told="free_told", stated="free_stated", key=_NAME, of=""),
)
BATCH = f"""
    INSERT INTO fresh
    WITH {_WORN_REST} edge AS (
        SELECT n.id AS n, l.id AS l, n.amount, l.amount AS sum
        FROM free_told n JOIN free_stated l USING ({_NAME})
        WHERE l.day BETWEEN n.low AND n.high AND ({_NAME}, l.day) NOT IN (SELECT {_NAME}, day FROM stated_twice)
    ), complete AS (SELECT l FROM edge GROUP BY l, sum HAVING count(*) > 1 AND sum(amount) = sum),
    shared AS (SELECT n FROM edge JOIN complete USING (l) GROUP BY n HAVING count(*) > 1)
    SELECT n, l, 'batch' FROM edge JOIN complete USING (l)
    WHERE l NOT IN (SELECT l FROM edge WHERE n IN (SELECT n FROM shared))
"""
# Left over to the end, and named by several notices that do not add up to it: one more sale, or theirs?
NOT_ADDING_UP = f"""
    INSERT INTO tie
    WITH {_WORN_REST} edge AS (
        SELECT n.id AS n, l.id AS l FROM free_told n JOIN free_stated l USING ({_NAME})
        WHERE l.day BETWEEN n.low AND n.high AND l.decided IS NULL
            AND ({_NAME}, l.day) NOT IN (SELECT {_NAME}, day FROM stated_twice)
    )
    SELECT l, array_agg(n ORDER BY n), 'parts' FROM edge GROUP BY l HAVING count(*) > 1
"""
_MENTIONED = """
    SELECT DISTINCT n.id AS n, l.id AS l, n.amount = l.amount AS equal
    FROM (SELECT id, account_id, low, high, amount, unnest({ours}) AS mark FROM free_told) AS n
    JOIN (SELECT id, account_id, day, amount, unnest({theirs}) AS mark FROM free_stated) AS l USING (account_id, mark)
    WHERE l.day BETWEEN n.low AND n.high
"""
_MENTIONS = " UNION ".join(
    _MENTIONED.format(ours=ours, theirs=theirs) for ours, theirs in (("names", "named"), ("named", "names"))
)
MEMO = _ONLY.format(rule="memo", worn="", edges=f"SELECT * FROM ({_MENTIONS}) AS m WHERE equal", keep="")
MEMO_OTHER_AMOUNT = _ONLY.format(rule="memo", worn="", edges=_MENTIONS, keep="AND NOT equal")
