"""MLflow's empty tables: its eighty migrations run once for all tests, then a file is copied."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ai_ops.storage import registration, registry
from ai_ops.storage.model_files import mlflow_module, quiet
from ai_ops_tests.made_once import made_once

MEMORY = ":memory:"


@contextmanager
def migrated_once() -> Iterator[None]:
    """While it lasts, each new SQLite store of this process begins as a copy of the first one."""
    with pytest.MonkeyPatch.context() as patch:

        @cache
        def patched() -> None:
            _patch(patch)

        def module() -> Any:
            mlflow = mlflow_module()
            patched()
            return mlflow

        for reader in (registry, registration):  # MLflow itself is imported by the first call
            patch.setattr(reader, "mlflow_module", module)
        yield


def _patch(patch: pytest.MonkeyPatch) -> None:
    from mlflow.store.db import utils

    migrate = utils._initialize_tables
    newest = cache(utils._get_latest_schema_revision)

    def initialize(engine: Any) -> None:
        file = engine.url.database
        if engine.dialect.name == "sqlite" and file != MEMORY and utils._is_empty_database(engine):
            _write(made_once("mlflow_tables", lambda: _made(migrate)), file)
        else:
            migrate(engine)

    patch.setattr(utils, "_initialize_tables", initialize)
    patch.setattr(utils, "_get_latest_schema_revision", newest)


def _made(migrate: Callable[[Any], None]) -> bytes:
    from mlflow.store.db.utils import create_sqlalchemy_engine_with_retry

    with TemporaryDirectory() as folder, quiet():
        file = f"{folder}/mlflow.db"
        engine = create_sqlalchemy_engine_with_retry(f"sqlite:///{file}")
        migrate(engine)
        engine.dispose()
        with closing(sqlite3.connect(file)) as database:
            return database.serialize()


def _write(content: bytes, file: str) -> None:
    with closing(sqlite3.connect(MEMORY)) as made, closing(sqlite3.connect(file)) as new:
        made.deserialize(content)
        made.backup(new)
