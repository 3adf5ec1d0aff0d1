"""Environments of their own for peers whose pins conflict with the project's.

Built once with pip and kept in the user's cache; a benchmark asks ``python_of(NANNYML)`` and runs
its own file with that interpreter. What cannot be built is said to be so, never left out silently.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Environment:
    """A name, what pip installs, and the module whose import proves that it works."""

    name: str
    packages: tuple[str, ...]
    module: str


NANNYML = Environment(
    "nannyml",
    # It imports statsmodels without requiring it, and reads frames as pandas 2 makes them.
    ("nannyml==0.13.1", "statsmodels>=0.14", "pandas>=2.2,<3"),
    "nannyml",
)


class Unbuildable(Exception):
    """The environment cannot be built here; says why."""


def python_of(environment: Environment) -> str:
    """The interpreter of an environment, which is built when it is first asked for (minutes)."""
    digest = sha256(repr((environment, sys.version_info[:2])).encode()).hexdigest()[:12]
    folder = _cache() / f"{environment.name}-{digest}"
    python, built = folder / "bin" / "python", folder / "built"
    if built.exists():
        return str(python)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"building the environment of {environment.name} in {folder}", file=sys.stderr)
    _run(environment, [sys.executable, "-m", "venv", str(folder)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(environment, [*pip, *environment.packages])
    _run(environment, [str(python), "-W", "ignore", "-c", f"import {environment.module}"])
    built.touch()
    return str(python)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ai_ops_benchmarks"


def _run(environment: Environment, command: list[str]) -> None:
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        last = told.stderr.strip().rpartition("\n")[2]
        raise Unbuildable(f"its environment cannot be built here: {environment.name}: {last}")
