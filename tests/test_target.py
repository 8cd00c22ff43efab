"""Targets: what may be wanted of whom, that nothing said is lost, and the command line's and the form's doors."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from ground.store import Store
from merchants import market
from payments import target
from payments.demo import goal
from tests.shell import run
from tests.world import Street

NOW = clock.now()


def put(session: Session, value: str, area: str = "market:cho-a", indicator: str = "acceptance") -> target.Put:
    wanted = target.read(indicator, value)
    return target.put(session, area, indicator, "2026-10", wanted, by="test", at=NOW)


@pytest.mark.parametrize(
    ("indicator", "written", "value"),
    [
        ("acceptance", "0.8", "0.8"),
        ("acceptance", "0,8", "0.8"),
        ("acceptance", "80 %", "0.8"),
        ("acceptance", "82,5%", "0.825"),
        ("acceptance", "1", "1"),
        ("acceptance", "100%", "1"),
        ("value_share", "0.000001", "0.000001"),
        ("cashless_value", "1.500.000", "1500000"),
        ("cashless_value", "1500000 ₫", "1500000"),
        ("cashless_count", "300", "300"),
    ],
)
def test_a_target_is_read_in_the_figures_own_unit(indicator: str, written: str, value: str) -> None:
    assert target.read(indicator, written) == Decimal(value)


@pytest.mark.parametrize(
    ("indicator", "written", "code"),
    [
        ("acceptance", "80", "target.above_one"),
        ("acceptance", "1.000001", "target.above_one"),
        ("acceptance", "101 %", "target.above_one"),
        ("acceptance", "0", "target.nothing"),
        ("acceptance", "0,0 %", "target.nothing"),
        ("acceptance", "-0.5", "target.no_share"),
        ("acceptance", "0.00000001", "target.no_share"),
        ("acceptance", "0.0000001 %", "target.no_share"),
        ("acceptance", "nan", "target.no_share"),
        ("acceptance", "1e-1", "target.no_share"),
        ("acceptance", "٠.٨", "target.no_share"),
        ("acceptance", "", "target.no_share"),
        ("cashless_value", "0", "target.nothing"),
        ("cashless_value", "0.8", "target.no_level"),
        ("cashless_value", "80 %", "target.no_level"),
        ("cashless_value", "99999999999999999", "target.no_level"),
        ("rate", "0.8", "target.unknown_indicator"),
        ("bill_share", "0.8", "target.no_source"),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused(indicator: str, written: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        target.read(indicator, written)
    assert refused.value.code == code
    assert refused.value.message("vi") != refused.value.message("en")


def test_the_latest_target_holds_and_every_one_is_kept(session: Session, street: Street) -> None:
    assert [put(session, each).is_new for each in ("0.5", "0.8", "0.8", "80%", "0.5")] == [
        True,
        True,
        False,
        False,
        True,
    ]
    session.commit()
    assert [each.shown for each in target.current(session, "2026-10")] == [0.5]
    kept = target.history(session, "market:cho-a", "acceptance", "2026-10")
    assert [each.shown for each in kept] == [0.5, 0.8, 0.5]


def test_a_withdrawn_target_is_none_and_stays_recorded(session: Session, street: Street) -> None:
    with pytest.raises(Refusal, match="no target"):
        target.put(session, "market:cho-a", "acceptance", "2026-10", None, by="test", at=NOW)
    put(session, "0.5")
    assert target.put(session, "market:cho-a", "acceptance", "2026-10", None, by="test", at=NOW).is_new
    assert target.current(session, "2026-10") == []
    assert [each.shown for each in target.history(session, "market:cho-a", "acceptance", "2026-10")] == [None, 0.5]
    with pytest.raises(Refusal):
        target.put(session, "market:cho-a", "acceptance", "2026-10", None, by="test", at=NOW)


def test_a_target_may_be_set_ahead_but_only_for_what_there_is(session: Session, street: Street) -> None:
    ahead = f"{clock.today().year + 2}-Q1"
    for area in ("market:cho-a", "ward:26506", "province:79"):
        assert target.put(session, area, "acceptance", ahead, Decimal("0.9"), by="test", at=NOW).is_new
    for area, period in (
        ("market:none", ahead),
        ("ward:99999", ahead),
        ("ward:26512", ahead),  # no more since the reform
        ("province:77", ahead),
        ("country", ahead),
        ("market:cho-a", "soon"),
    ):
        with pytest.raises(Refusal):
            target.put(session, area, "acceptance", period, Decimal("0.9"), by="test", at=NOW)


def test_the_store_itself_refuses_what_no_door_lets_through(session: Session, street: Street) -> None:
    insert = "INSERT INTO target (area, indicator, period, value, set_at, set_by) VALUES "
    for row in (
        "('ward:26506', 'acceptance', '2026-10', 1.01, now(), 'x')",
        "('ward:26506', 'acceptance', '2026-10', 0, now(), 'x')",
        "('ward:26506', 'rate', '2026-10', 0.5, now(), 'x')",
        "('ward:26506', 'cashless_value', '2026-10', 0.5, now(), 'x')",
        "('anywhere', 'acceptance', '2026-10', 0.5, now(), 'x')",
    ):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(text(insert + row))
    put(session, "0.5")
    for change in ("UPDATE target SET value = 0.1", "DELETE FROM target"):
        with pytest.raises(DatabaseError, match="never changed"), session.begin_nested():
            session.execute(text(change))


def test_what_nothing_can_be_known_of_can_not_be_wanted_by_any_door(
    books: Store, session: Session, street: Street
) -> None:
    with pytest.raises(Refusal) as refused:
        target.put(session, "market:cho-a", "bill_share", "2026-10", Decimal("0.8"), by="test", at=NOW)
    assert refused.value.code == "target.no_source"
    words = ("--area", "market:cho-a", "--indicator", "bill_share", "--period", "2026-10", "--value", "0.8")
    done = run(books.settings, "target", "set", *words)
    assert done.code == 1 and "no source yet" in done.err
    assert target.current(session, "2026-10") == []


# --- the command line


def test_a_target_is_set_read_and_withdrawn_at_the_command_line(books: Store, street: Street) -> None:
    words = ("--area", "market:cho-a", "--indicator", "acceptance", "--period", "2026-10")
    assert "is set" in run(books.settings, "target", "set", *words, "--value", "0.8").out
    assert "nothing has changed" in run(books.settings, "target", "set", *words, "--value", "80%").out
    asked = ("targets", "--area", "ward:26506", "--period", "2026-10")
    table = run(books.settings, *asked)
    assert table.code == 0 and "1 target: 1 met, 0 near, 0 behind, 0 far." in table.out
    told = run(books.settings, *asked, "--format", "json").document
    assert told["counts"] == {
        "total": 1, "met": 1, "near": 0, "behind": 0, "far": 0, "insufficient": 0, "suppressed": 0,
    }  # fmt: skip
    assert [(each["area"], each["target"], each["value"], each["band"]) for each in told["targets"]] == [
        ("market:cho-a", 0.8, 5 / 6, "met")
    ]
    assert run(books.settings, "target", "withdraw", *words).code == 0
    assert run(books.settings, *asked, "--format", "json").document["targets"] == []
    with books.session() as session:
        acts = [
            (each.what, each.subject, each.before, each.after) for each in audit.latest(session, 10, "market:cho-a")
        ]
    wanted = {"indicator": "acceptance", "period": "2026-10"}
    assert acts == [
        ("target.withdraw", "market:cho-a", wanted | {"value": "0.8"}, wanted | {"value": "withdrawn"}),
        ("target.set", "market:cho-a", None, wanted | {"value": "0.8"}),
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--value", "80"), "above 100 %"),
        (("--indicator", "rate"), "no indicator"),
        (("--period", "2026-13"), "2026-13"),
        (("--area", "market:none"), "none"),
        (("--area", "ward:1"), "ward:1"),
    ],
)
def test_the_command_line_refuses_a_bad_target_and_writes_nothing(
    books: Store, street: Street, changed: tuple[str, str], said: str
) -> None:
    words = {"--area": "market:cho-a", "--indicator": "acceptance", "--period": "2026-10", "--value": "0.8"}
    words |= dict([changed])
    answer = run(books.settings, "target", "set", *(each for pair in words.items() for each in pair))
    assert answer.code == 1 and said in answer.err
    with books.session() as session:
        assert session.execute(text("SELECT count(*) FROM target")).scalar_one() == 0


def test_a_period_not_begun_has_targets_but_no_scoreboard(books: Store, street: Street) -> None:
    ahead = f"{clock.today().year + 1}-Q2"
    words = ("--area", "market:cho-a", "--period", ahead)
    assert run(books.settings, "target", "set", *words, "--indicator", "acceptance", "--value", "0.8").code == 0
    answer = run(books.settings, "targets", *words)
    assert answer.code == 1 and ahead in answer.err


def test_a_target_of_a_market_that_opened_later_counts_where_it_stands(session: Session, street: Street) -> None:
    market.add(session, "cho-moi", "Chợ Mới", "26506", since=date(2026, 10, 20))
    assert target.put(session, "market:cho-moi", "acceptance", "2026-10", Decimal("0.5"), by="test", at=NOW).is_new


def test_the_demos_markets_and_their_wards_have_targets_and_real_ones_have_none(
    session: Session, street: Street
) -> None:
    market.add(session, "cho-mau", "Chợ mẫu", "26526", since=date(2026, 6, 1), made_up=True)
    assert goal.set_targets(session, date(2026, 11, 22)) == 18
    quarter = target.current(session, "2026-Q4")
    assert {each.area for each in quarter} == {"market:cho-mau", "ward:26526", "province:79"}
    assert len(quarter) == len(target.current(session, "2026-Q3")) == 9
