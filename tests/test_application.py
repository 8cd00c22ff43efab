"""An application's states: whatever is tried in whatever order, only the allowed steps are taken, dated and signed."""

import hashlib
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from ground import clock, words
from ground.refusal import Refusal
from merchants import agreement, application, forgetting, leaving
from merchants.applicant import Filled
from merchants.application import Agreement, Application
from merchants.market import Market
from tests.world import Street

FILLED = Filled("K7", "Nguyễn Thị Lan", "0988000111", "970436", "0123456789", "NGUYEN THI LAN")
OTHER = FILLED._replace(account="77")
CONSENT = Agreement("code", "2026-11", "Tôi đồng ý")
HELPER, BOARD, CLERK = "staff:Minh", "staff:Hoa", "staff:Thu"
NOON = clock.read_local("2026-11-20 12:00:00")

# What a person would say, written down apart from the code: by state, which acts are taken and what comes of them.
LAW = {
    ("draft", "fill_in"): "draft",
    ("draft", "submit"): "submitted",
    ("draft", "withdraw"): "withdrawn",
    ("submitted", "approve"): "approved",
    ("submitted", "return"): "returned",
    ("submitted", "decline"): "declined",
    ("submitted", "withdraw"): "withdrawn",
    ("returned", "fill_in"): "returned",
    ("returned", "submit"): "submitted",
    ("returned", "withdraw"): "withdrawn",
}
ACTS = ("fill_in", "submit", "approve", "return", "decline", "withdraw")


def act(session: Session, found: Application, name: str, by: str, reason: str | None, at: int) -> None:
    moment = NOON + timedelta(minutes=at)
    if name == "fill_in":
        application.fill_in(session, found, OTHER, by=by, moment=moment)
    elif name == "submit":
        application.submit(session, found, CONSENT, by=by, moment=moment)
    else:
        application.take(session, found, name, by=by, moment=moment, reason=reason)


tried = st.lists(
    st.tuples(st.sampled_from(ACTS), st.sampled_from((HELPER, BOARD, CLERK)), st.sampled_from((None, " ", "sai số"))),
    max_size=12,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=tried)
def test_only_the_allowed_steps_are_taken_dated_and_signed(
    session: Session, street: Street, acts: list[tuple[str, str, str | None]]
) -> None:
    with session.begin_nested() as attempt:
        found = application.begin(session, street.market, FILLED, by=HELPER, moment=NOON)
        state, filler, sender, signed = "draft", HELPER, "", []
        for at, (name, by, reason) in enumerate(acts, 1):
            says_why = name not in ("return", "decline") or bool((reason or "").strip())
            own = name == "approve" and by in (filler, sender)
            may = (state, name) in LAW and says_why and not own
            if not may:
                with pytest.raises(Refusal):
                    act(session, found, name, by, reason, at)
            else:
                act(session, found, name, by, reason, at)
                state = LAW[state, name]
                filler, sender = (by if name == "fill_in" else filler), (by if name == "submit" else sender)
                signed += [(name, by, NOON + timedelta(minutes=at))] if name != "fill_in" else []
            session.refresh(found)
            assert found.state == state and found.filled_by == filler
            assert (found.agreed_at is not None) or state in ("draft", "returned", "withdrawn")
            assert application.waiting(session, street.market.key) == (state == "submitted")
        assert [(each.step, each.by, each.at) for each in application.steps(session, found)] == signed
        attempt.rollback()
    session.expire_all()


def test_the_table_of_steps_is_the_law() -> None:
    told = {(state, verb): to for state, steps in application.STEPS.items() for verb, to in steps.items()}
    assert told == {key: to for key, to in LAW.items() if key[1] != "fill_in"}


@pytest.mark.parametrize(
    "forged",
    [
        "state = 'approved', decided_at = now(), decided_by = filled_by",
        "state = 'submitted', submitted_at = now(), submitted_by = 'x'",
        "state = 'gone'",
        "phone = NULL",
    ],
)
def test_the_store_itself_holds_no_impossible_application(session: Session, street: Street, forged: str) -> None:
    made = application.begin(session, street.market, FILLED, by=HELPER, moment=NOON)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(text(f"UPDATE application SET {forged} WHERE id = :id"), {"id": made.key})


def test_what_nobody_goes_on_with_is_forgotten_in_time(session: Session, street: Street) -> None:
    kept = {}
    for name, days, steps in (
        ("young draft", 29, ()),
        ("old draft", 31, ()),
        ("waiting", 400, ("submit",)),
        ("returned long ago", 31, ("submit", "return")),
        ("declined lately", 89, ("submit", "decline")),
        ("declined long ago", 91, ("submit", "decline")),
        ("withdrawn long ago", 91, ("withdraw",)),
        ("approved", 400, ("submit", "approve")),
    ):
        then = NOON - timedelta(days=days)
        found = application.begin(session, street.market, FILLED, by=HELPER, moment=then)
        for step in steps:
            if step == "submit":
                application.submit(session, found, CONSENT, by=HELPER, moment=then)
            else:
                application.take(session, found, step, by=BOARD, moment=then, reason="vì sao")
        kept[found.key] = name
    forgetting.drop_old(session, NOON)
    left = {kept[key] for key in session.exec(select(Application.id)) if key is not None}
    assert left == {"young draft", "waiting", "declined lately", "approved"}


def test_the_words_agreed_to_change_only_with_their_version() -> None:
    said = "\n\n".join(agreement.take_down("code", language).wording for language in words.LANGUAGES)
    digest = hashlib.sha256(said.encode()).hexdigest()[:16]
    assert (agreement.VERSION, digest) == ("2026-11", "5ccd52aebde0716b")


# --- why vendors left


def count(session: Session, market: Market, month: str, **reasons: int) -> None:
    for reason, times in reasons.items():
        session.execute(
            text("INSERT INTO leaving (market_id, month, reason) SELECT :m, :d, :r FROM generate_series(1, :n)"),
            {"m": market.key, "d": f"{month}-01", "r": reason, "n": times},
        )


def test_reasons_are_counted_by_finished_quarters_and_never_of_a_few(session: Session, street: Street) -> None:
    market = street.market
    count(session, market, "2026-08", tax=3, fraud=3, bank=1)
    count(session, market, "2026-05", tax=9)  # all said the same: that would tell it of each
    count(session, market, "2026-02", tax=4, other=2)  # two said something else: the board may know which two
    count(session, market, "2026-10", tax=5, fraud=5)  # the quarter that runs
    told = leaving.reasons(session, market, clock.business_date(NOON))
    assert [(each.name, each.counts) for each in told] == [("2026-Q3", {"tax": 3, "fraud": 3})]


@settings(max_examples=40, deadline=None)
@given(counts=st.dictionaries(st.sampled_from(leaving.REASONS), st.integers(0, 12)))
def test_nobody_who_knows_who_left_learns_why_of_any_of_them(counts: dict[str, int]) -> None:
    """For every reason shown, at least three left for it and three did not: any one may be either."""
    shown = leaving._shown(counts)
    everybody = sum(counts.values())
    for reason, times in shown.items():
        assert times == counts[reason] and times >= 3 and everybody - times >= 3
