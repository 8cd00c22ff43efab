"""Rotating the secret key: what was sealed with the old one opens with the new one alone, and hashes stay the same."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from ground import embedded, rekey, store
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from payments import replay, verify
from tests import shell
from tests.world import Street, keep, post, told

NEW = "a-new-key-of-the-tests-0123456789abcdef"


def rotating(settings: Settings, *keys: str) -> Settings:
    return settings.model_copy(update={"secret_key": SecretStr(",".join(keys))})


def old_key(settings: Settings) -> str:
    assert settings.secret_key is not None
    return settings.secret_key.get_secret_value()


def sealed(books: Store) -> dict[str, list[bytes]]:
    """Every bytea that is not a hash, by column."""
    with books.engine.connect() as connection:
        columns = ("memo", "raw")
        return {
            name: [bytes(row[0]) for row in connection.execute(text(f"SELECT {name} FROM notice ORDER BY id"))]
            for name in columns
        }


@pytest.fixture
def filled(books: Store, street: Street) -> Store:
    keep(books, [told(id, memo=f"rau {id} {street.token('A1')}") for id in range(1, 400)])
    post(books)
    return books


def test_after_rekey_the_new_key_alone_opens_everything(filled: Store) -> None:
    settings = filled.settings
    before = {name: [filled.vault.unseal(each) for each in texts] for name, texts in sealed(filled).items()}
    both = store.open_store(rotating(settings, NEW, old_key(settings)))
    assert both.vault.hash("memo") == filled.vault.hash("memo")
    assert rekey.rekey(both.engine, both.vault) == 2 * 399
    both.engine.dispose()
    alone = store.open_store(rotating(settings, NEW))
    assert {name: [alone.vault.unseal(each) for each in texts] for name, texts in sealed(alone).items()} == before
    assert alone.vault.hash("memo") == filled.vault.hash("memo")
    assert replay.replay(alone, everything=True)[:3] == (399, 0, 0)
    assert verify.verify(alone).ok
    alone.engine.dispose()
    with pytest.raises(Refusal) as refused:
        store.open_store(settings)
    assert refused.value.code == "store.wrong_key"


def test_with_both_keys_set_the_books_open_before_and_after(filled: Store) -> None:
    settings = filled.settings
    both = rotating(settings, NEW, old_key(settings))
    keep(filled, [told(1000, memo="old key")])
    opened = store.open_store(both)
    keep(opened, [told(1001, memo="new key")])
    assert replay.replay(opened, everything=True)[:2] == (401, 0)
    rekey.rekey(opened.engine, opened.vault)
    assert rekey.rekey(opened.engine, opened.vault) == 0
    opened.engine.dispose()
    store.open_store(both).engine.dispose()


def test_cut_in_the_middle_it_goes_on_with_the_rest(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after a few pages: nothing is lost, both keys still open everything, the next time does the rest."""
    monkeypatch.setattr(rekey, "PAGES", 1)
    both = store.open_store(rotating(filled.settings, NEW, old_key(filled.settings)))
    calls = 0
    seal_all = type(both.vault).seal_all

    def cut(vault: object, texts: list[bytes]) -> list[bytes]:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return seal_all(both.vault, texts)

    monkeypatch.setattr(type(both.vault), "seal_all", cut)
    with pytest.raises(KeyboardInterrupt):
        rekey.rekey(both.engine, both.vault)
    monkeypatch.setattr(type(both.vault), "seal_all", seal_all)
    rest = rekey.rekey(both.engine, both.vault)
    assert 0 < rest < 2 * 399
    both.engine.dispose()
    alone = store.open_store(rotating(filled.settings, NEW))
    assert len([alone.vault.unseal(each) for texts in sealed(alone).values() for each in texts]) == 2 * 399
    alone.engine.dispose()


def test_the_command_says_what_it_did(filled: Store) -> None:
    filled.engine.dispose()
    both = f"{NEW},{old_key(filled.settings)}"
    answer = shell.run(filled.settings, "rekey", MARKET_SECRET_KEY=both)
    assert (answer.code, answer.out) == (0, "798 texts sealed with the new key. The old one is no longer needed.\n")
    assert "notice.memo  399" in answer.err
    assert shell.run(filled.settings, "verify", MARKET_SECRET_KEY=NEW).code == 0
    assert shell.run(filled.settings, "verify").code == 1


def test_a_generated_key_gets_a_successor_while_nobody_else_works(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    try:
        books = store.open_store(settings)
        hashed = books.vault.hash("memo")
        keep(books, [told(1, memo="x")])
        before = embedded.secret_key(settings.data_dir)
        with pytest.raises(Refusal) as refused, store.new_key(settings):
            pass
        assert refused.value.code == "rekey.in_use"
        books.engine.dispose()
        with store.new_key(settings):
            assert embedded.secret_key(settings.data_dir).split(",")[1:] == [before]
            books = store.open_store(settings)
            assert rekey.rekey(books.engine, books.vault) == 2
            books.engine.dispose()
        after = embedded.secret_key(settings.data_dir)
        assert after != before and "," not in after
        books = store.open_store(settings)
        assert books.vault.hash("memo") == hashed
        assert books.vault.unseal(sealed(books)["memo"][0]) == b"x"
        books.engine.dispose()
    finally:
        embedded.remove(settings.data_dir)
