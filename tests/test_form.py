"""Forms: only our own pages can send them, for the browser they were made for."""

import re

import pytest

from portal import access, form
from portal.app import BODY_MAX
from tests.cast import PASSWORD, Cast


def field(html: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]+)"', html)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("who", ["stranger", "vendor", "board", "operator"])
def test_every_form_that_changes_something_is_refused_without_its_token(cast: Cast, who: str) -> None:
    browser = cast.sign_in(who)
    seen = 0
    for method, path, _ in access.routes(cast.app.routes):
        if method in form.SAFE or path.startswith("/api/"):
            continue
        address = re.sub(r"{\w+}", "cho-a", path)
        for sent in ({}, {"token": ""}, {"token": "00" * 32}, {"token": "x"}):
            answer = browser.client.request(method, address, data=sent, follow_redirects=False)
            assert answer.status_code in (403, 404), f"{method} {address} {sent}: {answer.status_code}"
            seen += answer.status_code == 403
    assert seen


def test_a_token_is_written_differently_each_time_and_good_each_time(cast: Cast) -> None:
    browser = cast.sign_in("board")
    tokens = [browser.token("/account") for _ in range(3)]
    assert len(set(tokens)) == 3
    for token in tokens:
        answer = browser.client.post("/account/sessions/ending", data={"token": token}, follow_redirects=False)
        assert answer.status_code == 303


def test_a_token_of_another_browser_or_of_an_earlier_session_is_refused(cast: Cast) -> None:
    mine, other = cast.sign_in("board"), cast.sign_in("ward")
    stolen = other.token("/account")
    for token in (stolen, cast.stranger().token("/signin")):
        answer = mine.client.post("/account/sessions/ending", data={"token": token})
        assert answer.status_code == 403
    early = mine.token("/account")
    mine.submit("/", "/signout")
    mine.submit("/signin", name="Chị Hoa", password=PASSWORD)
    assert mine.client.post("/account/sessions/ending", data={"token": early}).status_code == 403


def test_a_form_before_signing_in_needs_its_cookie_too(cast: Cast) -> None:
    browser = cast.stranger()
    token = browser.token("/signin")
    browser.client.cookies.clear()
    answer = browser.client.post("/signin", data={"token": token, "name": "x", "password": "y"})
    assert answer.status_code == 403


def test_what_a_browser_says_was_sent_from_elsewhere_is_refused_even_with_a_token(cast: Cast) -> None:
    browser = cast.sign_in("board")
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)):
        answer = browser.client.post(
            "/account/sessions/ending",
            data={"token": browser.token("/account")},
            headers={"Sec-Fetch-Site": site},
            follow_redirects=False,
        )
        assert answer.status_code == status, site


def test_a_script_sends_the_token_as_a_header(cast: Cast) -> None:
    browser = cast.sign_in("board")
    for token, status in ((browser.token("/account"), 303), ("00" * 32, 403)):
        answer = browser.client.post("/account/sessions/ending", headers={form.HEADER: token}, follow_redirects=False)
        assert answer.status_code == status


def test_a_token_comes_with_files_too(cast: Cast) -> None:
    browser = cast.sign_in("board")
    answer = browser.submit("/account", "/account/sessions/ending", files={"photo": ("a.jpg", b"x" * 10_000)})
    assert answer.status_code == 303


def test_a_zero_byte_is_refused_in_any_field(cast: Cast) -> None:
    answer = cast.stranger().submit("/signin", name="a\x00b", password="x")
    assert answer.status_code == 422


def test_a_body_that_is_too_large_is_refused_and_a_strangers_is_not_read_at_all(cast: Cast) -> None:
    for path, most in (("/account/sessions/ending", form.BODY_MAX), ("/field/cho-a/slip", BODY_MAX)):
        huge = {"photo": ("a.jpg", b"x" * (most + 1))}
        assert cast.sign_in("board").submit("/account", path, files=huge).status_code == 413
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    for who, status in (("stranger", 404), ("board", 400)):
        answer = cast.sign_in(who).client.post("/account/sessions/ending", content=b"--y\r\n", headers=broken)
        assert answer.status_code == status


def test_a_hidden_page_does_not_say_which_methods_it_takes(cast: Cast) -> None:
    browser = cast.stranger()
    for path in ("/account/password", "/signout", "/board/cho-a"):
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert browser.client.request(method, path).status_code == 404, f"{method} {path}"
    assert browser.client.put("/signin").status_code == 405  # everybody's, and no secret
