"""Why a sealed figure moves: each late fact by its name, and what makes a figure final."""

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from ground.store import Store
from merchants import code
from payments import decision, indicator, restatement, revision, seal, verify
from payments.seal import Sealed
from tests.bank_book import Stated, reconcile, state
from tests.world import Street, import_roll, keep, post, told

AREA, PERIOD = "market:cho-a", "2026-10"


def take(books: Store) -> Sealed:
    done = seal.seal(books, AREA, PERIOD, by="somebody")
    proved = verify.verify(books)
    assert proved.ok, proved.differences
    return done


def moved(done: Sealed) -> dict[str, tuple[Any, Any, str]]:
    return {each.indicator: (each.was, each.now, ", ".join(each.why)) for each in done.changes}


def status(session: Session, indicator: str, audience: Any = "internal") -> str:
    row = revision.latest(session, AREA, PERIOD)
    assert row is not None
    return next(f.status for f in revision.read(row, audience).whole.figures if f.indicator == indicator)


def test_a_statement_makes_figures_final(books: Store, session: Session, street: Street) -> None:
    keep(books, [told(1, 20_000), told(2, 30_000, at="2026-10-06 09:00:00")])
    take(books)
    assert status(session, "acceptance") == "final"
    assert status(session, "cashless_value") == "provisional"
    state(books, [Stated("2026-10-05 08:30:00", 20_000), Stated("2026-10-06 09:00:00", 30_000)])
    reconcile(books)
    done = take(books)
    assert moved(done)["reconciled_share"] == (0.0, 1.0, "late statement")
    assert moved(done)["cashless_value"] == (50_000, 50_000, "late statement")
    assert next(each for each in done.changes if each.indicator == "cashless_value").differs == ("status",)
    assert status(session, "cashless_value") == "final"
    # How much is reconciled is hidden here, so nothing shown may tell that it is nearly all.
    assert status(session, "active_use", "public") == "provisional"


def test_a_sale_that_only_the_statement_tells_of(books: Store, street: Street) -> None:
    keep(books, [told(1, 20_000)])
    take(books)
    state(books, [Stated("2026-10-05 08:30:00", 20_000), Stated("2026-10-06 09:00:00", 30_000)])
    reconcile(books)
    assert moved(take(books))["cashless_value"] == (20_000, 50_000, "late statement")


def test_a_match_that_is_undone_leaves_the_seal_as_it_was(books: Store, session: Session, street: Street) -> None:
    """`verify` counts what was matched then, not what is matched now."""
    keep(books, [told(1, 20_000)])
    state(books, [Stated("2026-10-05 08:30:00", 20_000)])
    reconcile(books)
    take(books)
    session.execute(text("UPDATE match SET undone_at = matched_at"))
    session.execute(text("UPDATE stall_day SET confirmed_value = 0"))
    session.commit()
    assert [each for each in verify.verify(books).differences if "seal" in each] == []
    done = seal.seal(books, AREA, PERIOD, by="somebody")
    assert moved(done)["reconciled_share"] == (1.0, 0.0, "late statement")


def test_money_given_to_another_is_a_correction(books: Store, session: Session, street: Street) -> None:
    """The payment was known before, only not whose it was."""
    keep(books, [told(1, 20_000, account="1000003")])  # the Lê family's two stalls
    post(books)
    take(books)
    finding, stall = session.execute(text("SELECT f.id, s.id FROM finding f, stall s WHERE s.number = 'B1'")).one()
    decision.assign(session, finding, stall, by="operator", reason="seen in her app")
    session.commit()
    assert moved(take(books))["cashless_value"] == (0, 20_000, "correction")


def test_what_the_bank_undid_is_a_correction(books: Store, street: Street) -> None:
    keep(books, [told(1, 20_000), told(2, 30_000, at="2026-10-06 09:00:00")])
    take(books)
    lines = [Stated("2026-10-05 08:30:00", 20_000, "FT1"), Stated("2026-10-06 09:00:00", 30_000, "FT2")]
    state(books, [*lines, Stated("2026-10-07 10:00:00", -30_000, "FT2", reversal=True)])
    reconcile(books)
    was, now, why = moved(take(books))["cashless_value"]
    assert (was, now) == (50_000, 20_000) and "correction" in why


def test_a_revoked_code_is_told_apart_from_a_change_of_the_roll(books: Store, session: Session, street: Street) -> None:
    take(books)
    code.revoke(session, street.codes["B1"]["serial"], reason="lost", on=date(2026, 10, 20))
    session.commit()
    done = take(books)
    assert moved(done)["acceptance"] == (5 / 6, 4 / 6, "code change") and "onboarded" not in moved(done)
    import_roll(session, street.market, "F1;F;Gà;Cô Tám;0912000009;;01/10/2026;;;;")
    session.commit()
    assert {each.why for each in take(books).changes} == {("roll change",)}
    code.issue(session, street.market, since=date(2026, 10, 21))
    import_roll(session, street.market, "F1;F;Gà;Cô Tám;0912000009;;01/10/2026;VCB;1000009;LE THI TAM;")
    session.commit()
    both = moved(take(books))
    assert both["acceptance"][2] == "code change, roll change" and both["onboarded"][2] == "roll change"


def test_every_indicator_has_its_reasons_and_every_reason_its_words() -> None:
    assert list(restatement.FOLLOWS) == [each.__name__ for each in indicator.INDICATORS]
    told_ = {restatement.SAID.get(each, each) for follows in restatement.FOLLOWS.values() for each in follows}
    assert {*told_, "roll change", "definition"} == set(restatement.REASONS)
    for language in ("vi", "en"):
        assert restatement.say(restatement.REASONS, language).count(",") == len(restatement.REASONS) - 1
