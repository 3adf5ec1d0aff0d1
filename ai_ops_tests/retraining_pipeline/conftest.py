"""Roots that can be retrained and launched, with versions that are registered once."""

from pathlib import Path

import pytest

from ai_ops.storage.root import Root
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    copied_root,
    launched,
    logged_root,
    registered,
    root_with,
)


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registered(tmp_path_factory.getbasetemp())


@pytest.fixture
def root(versions: Path, tmp_path: Path) -> Root:
    """Three registered versions, nothing launched."""
    return root_with(versions, tmp_path / "root")


@pytest.fixture(scope="session")
def launched_once(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = root_with(versions, tmp_path_factory.mktemp("launched") / "root")
    launched(root)
    return root


@pytest.fixture
def live(launched_once: Root, tmp_path: Path) -> Root:
    """The same, launched with version 1."""
    return copied_root(launched_once, tmp_path / "root")


@pytest.fixture
def logged(tmp_path: Path) -> Root:
    """Three weeks of a log with its labels."""
    return logged_root(tmp_path / "root")
