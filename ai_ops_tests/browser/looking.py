"""A real Dagster webserver on a root, and a real Chromium that looks at it."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

import ai_ops
from ai_ops.cli.server_process import free_port
from ai_ops.orchestration.running import dagster_environment
from ai_ops.storage.root import Root

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
PATIENCE_MS = 120_000
PICTURES = "AI_OPS_PICTURES"
"""The variable that names a folder for the pictures of what was looked at; without it none is
taken."""


@contextmanager
def webserver_of(root: Root, *load: str) -> Iterator[str]:
    """The address of a Dagster webserver on a root; ``load`` says of what, by default the
    workspace."""
    port = free_port()
    options = load or ("-w", str(WORKSPACE))
    command = [sys.executable, "-m", "dagster_webserver", *options]
    with (root.folder / "webserver.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            env={**dagster_environment(root.folder), "PYTHONPATH": str(WORKSPACE.parent)},
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/server_info", process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def browsing() -> Iterator[Page]:
    """A browser's page of a desktop's size."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        try:
            yield page
        finally:
            browser.close()


def picture(page: Page, name: str) -> None:
    """Keep a picture of what is seen, where somebody wants them."""
    if folder := os.environ.get(PICTURES):
        page.screenshot(path=Path(folder) / f"{name}.png")


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
