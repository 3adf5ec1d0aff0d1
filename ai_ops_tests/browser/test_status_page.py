"""The status page in a real Chromium of a phone's width: read, unharmed, asking nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from ai_ops.checklist.status import status_of
from ai_ops.checklist.status_page import page_of
from ai_ops_tests.browser.conftest import CHROMIUM
from ai_ops_tests.checklist.books import FEATURE, TO_COME, rehearsed
from ai_ops_tests.checklist.hostile import hostile_status

pytestmark = pytest.mark.chromium

PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser
        browser.close()


def opened(browser: Browser, file: Path, content: str) -> tuple[Page, list[str]]:
    """The page on a phone, and all that it asked for or complained of."""
    file.write_text(content, encoding="utf-8")
    page, seen = browser.new_page(viewport=PHONE, color_scheme="dark"), list[str]()
    page.on("request", lambda request: seen.append(request.url))
    page.on("console", lambda message: seen.append(message.text))
    page.on("dialog", lambda dialog: seen.append(dialog.message))
    page.goto(file.as_uri())
    return page, seen


def fits(page: Page) -> bool:
    """Whether nobody has to move the page sideways to read it."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.requirement("FR-3", "OW-01", "OW-12")
def test_on_a_phone_it_says_what_lacks_whose_it_is_and_what_to_do(
    browser: Browser, tmp_path: Path
) -> None:
    status = status_of(rehearsed(tmp_path / "root", without=TO_COME), FEATURE)
    file = tmp_path / "status.html"
    page, seen = opened(browser, file, page_of([status]))
    assert seen == [file.as_uri()]
    assert fits(page)
    expect(page.get_by_text("evidence of 2 items missing")).to_be_visible()
    expect(page.get_by_text("The endpoint is load tested")).to_be_visible()
    expect(page.get_by_text("ai-ops drill load flight_delay")).to_be_visible()
    expect(page.get_by_text("Predictions are logged")).to_be_hidden()
    page.get_by_text("Green: 4").click()
    expect(page.get_by_text("Predictions are logged")).to_be_visible()
    # Its own style was taken, and it follows the phone's dark mode.
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"


def test_what_somebody_planted_does_nothing(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "status.html"
    page, seen = opened(browser, file, page_of([hostile_status()]))
    assert seen == [file.as_uri()]
    assert page.title().startswith("red: ")
    assert page.evaluate("document.scripts.length + document.images.length") == 0
    assert fits(page)
    expect(page.get_by_text("<script>").first).to_be_visible()
