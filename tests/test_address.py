"""Where the server answers, as commands beside it know: noted while it runs, set by the operator, or a guess."""

from pathlib import Path

from pydantic import SecretStr

from ground import address, words
from ground.address import Found
from ground.settings import Settings
from tests import shell

DEFAULT = "http://127.0.0.1:8000"


def test_a_link_leads_to_the_server_that_runs_on_this_folder(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    demo = settings.model_copy(update={"demo": True})
    assert address.find(settings) == Found(DEFAULT, is_known=False)
    with address.noted(settings, "http://127.0.0.1:8123"), address.noted(settings, "http://127.0.0.1:8124"):
        assert address.find(settings) == Found("http://127.0.0.1:8123", is_known=True)
        assert address.find(demo) == Found(DEFAULT, is_known=False)  # its own books, its own server
        with address.noted(demo, "http://127.0.0.1:9000"):
            assert address.find(demo).url == "http://127.0.0.1:9000"
        told = Settings(data_dir=tmp_path, base_url="https://cho.example")
        assert address.find(told) == Found("https://cho.example", is_known=True)
    assert address.find(settings) == Found(DEFAULT, is_known=False)


def test_what_a_killed_server_noted_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "address").write_text("http://127.0.0.1:8123", "utf-8")
    assert address.find(Settings(data_dir=tmp_path)) == Found(DEFAULT, is_known=False)


def test_of_books_on_a_server_a_folder_knows_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=SecretStr("postgresql://elsewhere/market"))
    with address.noted(settings, "http://127.0.0.1:8123"):
        assert not address.find(settings).is_known and list(tmp_path.iterdir()) == []


def test_user_add_says_when_its_link_is_a_guess(test_settings: Settings) -> None:
    guessed = shell.run(test_settings, "user", "add", "Nguyễn Văn An", "--role", "operator")
    assert guessed.out.startswith(f"{DEFAULT}/signin/link/")
    assert words.say("staff.link_assumed", "en", address=DEFAULT) in guessed.err
    link = ("user", "link", "Nguyễn Văn An")
    told = shell.run(test_settings, *link, MARKET_BASE_URL="https://cho.example")
    assert told.out.startswith("https://cho.example/signin/link/") and "guess" not in told.err
