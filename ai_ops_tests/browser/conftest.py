"""A real Dagster webserver on the short replay, and a real Chromium that looks at it."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

import ai_ops
from ai_ops.cli.server_process import free_port
from ai_ops.orchestration.running import dagster_environment
from ai_ops_tests.replayed import Replayed

WORKSPACE = Path(ai_ops.__file__).parents[1] / "workspace.yaml"
# Without these Chromium asks hosts that a closed network refuses, many at a time.
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def webserver(replayed: Replayed) -> Iterator[str]:
    """The address of a Dagster webserver on the replayed root."""
    port = free_port()
    root = replayed.root.folder
    command = [sys.executable, "-m", "dagster_webserver", "-w", str(WORKSPACE)]
    with (root / "webserver.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            env=dagster_environment(root),
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/server_info", process)
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def page(webserver: str) -> Iterator[Page]:
    """A browser's page of a desktop's size."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the webserver ended"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise AssertionError("the webserver does not answer")
