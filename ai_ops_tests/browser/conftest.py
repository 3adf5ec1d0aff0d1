"""A real Dagster webserver on the short replay, and a real Chromium that looks at it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from ai_ops_tests.browser.looking import CHROMIUM, browsing, webserver_of
from ai_ops_tests.replayed import Replayed

__all__ = ["CHROMIUM"]


@pytest.fixture(scope="session")
def webserver(replayed: Replayed) -> Iterator[str]:
    """The address of a Dagster webserver on the replayed root."""
    with webserver_of(replayed.root) as address:
        yield address


@pytest.fixture
def page(webserver: str) -> Iterator[Page]:
    """A browser's page of a desktop's size."""
    with browsing() as page:
        yield page
