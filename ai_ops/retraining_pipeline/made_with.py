"""What a retraining is made with: the environment, the trainer's code, the feature's declaration.

Each has a digest, which the ledger keeps of every retraining: what is not as it was at the last
good one is named when one fails.
"""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Retraining, Standing
from ai_ops.vocabulary.errors import MissingEvidence

ENVIRONMENTS: Final = "training_environment"
_NAMED_AT_MOST: Final = 5
_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class MadeWith:
    """The digests of what a retraining is made with; ``commit`` is git's, where there is one."""

    environment: str
    python: str
    code: str
    declared: str
    commit: str = ""

    def as_params(self) -> dict[str, str]:
        """Them by the names under which ledger, manifest and registry keep them."""
        said = {
            "environment": self.environment,
            "python": self.python,
            "code": self.code,
            "declared": self.declared,
            "commit": self.commit,
        }
        return {name: value for name, value in said.items() if value}


def made_with(root: Root, feature: AiFeatureSpec) -> MadeWith:
    """What a retraining of now is made with; the packages are listed below the root once."""
    packages = installed()
    environment = digest_of(packages)
    path = root.lake.path(feature.name, ENVIRONMENTS, environment, "json")
    if path not in root.lake.glob(f"{feature.name}/{ENVIRONMENTS}/*.json"):
        root.lake.write_json(path, dict(packages))
    files = _sources(feature.retraining.trainer)
    return MadeWith(
        environment=environment,
        python=platform.python_version(),
        code=_digest_of_files(files),
        declared=sha256(feature.model_dump_json().encode()).hexdigest()[:_DIGITS],
        commit=_commit(files[0].parent) if files else "",
    )


@cache
def installed() -> Mapping[str, str]:
    """The version of every package that is installed, and of Python itself.

    >>> "python" in installed() and "pyarrow" in installed()
    True
    """
    found = {str(one.name).lower(): one.version for one in distributions() if one.name}
    return dict(sorted({**found, "python": platform.python_version()}.items()))


def digest_of(packages: Mapping[str, str]) -> str:
    """What tells one environment from every other.

    >>> digest_of({"torch": "2.1"}) == digest_of({"torch": "2.2"})
    False
    """
    lines = "\n".join(f"{name}=={version}" for name, version in sorted(packages.items()))
    return sha256(lines.encode()).hexdigest()[:_DIGITS]


def changed_since(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The packages that are of another version, came or went.

    >>> changed_since({"torch": "2.1", "scipy": "1"}, {"torch": "2.2"})
    ('scipy 1 → gone', 'torch 2.1 → 2.2')
    """
    return tuple(
        f"{name} {before.get(name, 'absent')} → {now.get(name, 'gone')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    )


def changes(root: Root, feature: AiFeatureSpec, standing: Standing) -> tuple[str, ...]:
    """What a retraining of now is made with that the last good one was not."""
    good = next((one for one in reversed(standing.retrainings) if "evaluated" in one.stages), None)
    before = made_with_of(good) if good else {}
    if not before:
        return ()
    now = made_with(root, feature).as_params()
    found = [
        words
        for key, words in (
            ("code", f"the code of {feature.retraining.trainer}"),
            ("declared", "the feature's file"),
        )
        if before.get(key) and now.get(key) != before[key]
    ]
    if before.get("environment") not in (None, now["environment"]):
        found.append(_environments(root, feature, before["environment"], now["environment"]))
    return tuple(found)


def made_with_of(retraining: Retraining) -> Mapping[str, str]:
    """What a retraining was made with last: it may have gone on with mended code."""
    for stage in ("evaluated", "resumed", "started"):
        said: Mapping[str, str] = retraining.stages.get(stage, {}).get("made_with", {})
        if said:
            return said
    return {}


def _environments(root: Root, feature: AiFeatureSpec, before: str, now: str) -> str:
    try:
        known = [
            root.lake.read_json(root.lake.path(feature.name, ENVIRONMENTS, one, "json"))[0]
            for one in (before, now)
        ]
    except MissingEvidence:
        return f"the environment ({before} → {now})"
    named = changed_since(*known)
    more = f" and {len(named) - _NAMED_AT_MOST} more" if len(named) > _NAMED_AT_MOST else ""
    return f"the environment: {', '.join(named[:_NAMED_AT_MOST])}{more}"


def _sources(module: str | None) -> list[Path]:
    """The file of a module, and those beside it in its package: a trainer is seldom one file."""
    try:
        spec = find_spec(module) if module else None
    except ModuleNotFoundError:
        return []
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return []
    file = Path(spec.origin)
    return sorted(file.parent.glob("*.py")) if spec.parent else [file]


def _digest_of_files(files: Sequence[Path]) -> str:
    if not files:
        return ""
    whole = sha256()
    for file in files:
        whole.update(file.name.encode() + b"\0" + sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:_DIGITS]


def _commit(folder: Path) -> str:
    """The commit of the checkout that a folder lies in, marked where it was changed since."""
    try:
        head = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{head}{'+changed' if changed else ''}"


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=10
    ).stdout.strip()
