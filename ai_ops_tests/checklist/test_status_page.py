"""The page as HTML: nothing that somebody wrote does anything, and nothing is fetched."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.checklist.status import status_of
from ai_ops.checklist.status_page import page_of
from ai_ops_tests.checklist.books import FEATURE, TO_COME, rehearsed
from ai_ops_tests.checklist.hostile import hostile_status

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "article", "section"),
    *("h1", "h2", "h3", "h4", "p", "time", "strong", "span", "ul", "li", "code", "details"),
    "summary",
}


class Read(HTMLParser):
    """What a browser would make of a page: its tags, their attributes, its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def page_is_harmless(page: str) -> None:
    read = Read(page)
    assert set(read.tags) <= TAGS
    assert read.tags.count("style") == 1
    assert not {name for name, _ in read.attributes} & {"src", "href", "style", "action"}
    assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_whatever_somebody_wrote_is_text() -> None:
    page = page_of([hostile_status()])
    page_is_harmless(page)
    assert "<script" not in page
    assert "javascript:1" in Read(page).text
    assert not [one for one in page if not one.isprintable() and one != "\n"]
    assert page.count("\\u202egnp\\x1b[2J") > 20


@given(words=st.text(min_size=1, max_size=60))
def test_no_words_at_all_make_a_tag(words: str) -> None:
    page_is_harmless(page_of([hostile_status(words)]))


def test_the_page_allows_its_own_style_and_nothing_else() -> None:
    page = page_of([])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy[1] or "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert page.startswith("<!doctype html>")


def test_no_feature_is_no_health() -> None:
    assert "<title>amber: no AI feature</title>" in page_of([])


@pytest.mark.requirement("FR-3", "OW-01", "OW-12")
def test_it_tells_what_is_not_green_whose_since_when_and_what_next(tmp_path: Path) -> None:
    status = status_of(rehearsed(tmp_path, without=TO_COME), FEATURE)
    text = Read(page_of([status])).text
    assert "May it be launched? ? Nobody can say: evidence of 2 items missing" in text
    for one in status.not_green:
        assert all(words in text for words in (one.title, one.owner, one.reason, one.command or ""))
    assert f"not green since {status.not_green[0].since:%Y-%m-%d}" in text
    assert "of a replay" in text
    assert "Green: 4" in text


def test_the_worst_comes_first() -> None:
    red = hostile_status("worse")
    green = replace(hostile_status("fine"), light="green")
    page = page_of([green, red])
    assert page.index("<h2>worse</h2>") < page.index("<h2>fine</h2>")
