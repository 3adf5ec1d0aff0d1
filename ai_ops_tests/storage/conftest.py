"""Databases for the ledger's tests: a SQLite file, and a Postgres 15 of the tests' own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

POSTGRES = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A private cluster that listens on a socket of its own, gone after the tests."""
    if not (POSTGRES / "initdb").exists():
        pytest.skip("Postgres 15 is not installed")
    # Postgres refuses to run as root, and nobody else may enter pytest's temporary folders.
    user = "nobody" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="ledger-pg-"))
    if user:
        shutil.chown(home, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(POSTGRES / program), "-D", str(home / "data"), *arguments]
        done = subprocess.run(
            command,
            user=user,
            cwd=home,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == 0, done.stdout + done.stderr

    server = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off"
    try:
        run("initdb", "--auth=trust", "--username=ai_ops", "--encoding=UTF8", "--no-sync")
        run("pg_ctl", "start", "-w", "-l", str(home / "log"), "-o", server)
        try:
            yield sa.URL.create(
                "postgresql", username="ai_ops", database="postgres", query={"host": str(home)}
            )
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: sa.URL) -> str:
    """A fresh database."""
    name = f"ledger_{uuid4().hex}"
    admin = sa.create_engine(
        postgres_server.set(drivername="postgresql+psycopg2"),
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
    )
    with admin.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    return postgres_server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that the ledger supports."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
