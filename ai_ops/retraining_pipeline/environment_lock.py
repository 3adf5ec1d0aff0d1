"""The packages that retraining may run with, as whoever runs the machines put them in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.made_with import (
    ENVIRONMENTS,
    changed_since,
    digest_of,
    installed,
    made_with_of,
)
from ai_ops.storage.believed import Void, believed
from ai_ops.storage.decided_records import EnvironmentLock
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.words import EventKind

LOCKS: Final = frozenset[EventKind]({"environment_lock"})


@dataclass(frozen=True, slots=True)
class Locked:
    """The lock in force and its packages, where this environment (``here``) and the one of the
    last retraining differ from it, and the locks that nobody signed who may."""

    lock: EnvironmentLock | None
    packages: Mapping[str, str] | None
    here: str
    here_differs: tuple[str, ...] = ()
    last_retraining: str | None = None
    last_environment: str | None = None
    last_differs: tuple[str, ...] = ()
    void: tuple[Void, ...] = ()


def keep_environment(root: Root, feature: AiFeatureSpec, digest: str | None = None) -> str:
    """The digest of this environment, its packages listed below the root; or one that is listed.

    Raises ``BadInput`` for a digest of which nobody knows the packages.
    """
    if digest is not None:
        if _listed(root, feature, digest) is None:
            known = root.lake.glob(f"{feature.name}/{ENVIRONMENTS}/*.json")
            names = ", ".join(path.rsplit("/", 1)[-1].removesuffix(".json") for path in known)
            raise BadInput(
                f"--digest: no retraining ran with {digest}; it ran with: {names or 'none yet'}"
            )
        return digest
    packages = installed()
    found = digest_of(packages)
    if _listed(root, feature, found) is None:
        root.lake.write_json(_path(root, feature, found), dict(packages))
    return found


def locked(root: Root, feature: AiFeatureSpec) -> Locked:
    """The lock in force, and what differs from it."""
    standing, void = believed(root, feature, kinds=LOCKS)
    lock = standing.environment_locks[-1] if standing.environment_locks else None
    packages = _listed(root, feature, lock.digest) if lock else None
    here = digest_of(installed())
    last, ran = _last(standing)
    return Locked(
        lock,
        packages,
        here,
        _differs(lock, packages, here, installed()),
        last,
        ran,
        _differs(lock, packages, ran, _listed(root, feature, ran) if ran else None) if last else (),
        void,
    )


def _last(standing: Standing) -> tuple[str | None, str | None]:
    """The last retraining, and the digest of the packages that it ran with."""
    if not standing.retrainings:
        return None, None
    last = standing.retrainings[-1]
    return last.id, made_with_of(last).get("environment")


def _differs(
    lock: EnvironmentLock | None,
    before: Mapping[str, str] | None,
    digest: str | None,
    packages: Mapping[str, str] | None,
) -> tuple[str, ...]:
    if lock is None or digest == lock.digest:
        return ()
    if before is None or packages is None:
        return (f"{lock.digest} → {digest or 'unknown'}, of which not all packages are listed",)
    return changed_since(before, packages)


def _listed(root: Root, feature: AiFeatureSpec, digest: str) -> Mapping[str, str] | None:
    """The packages of an environment; None where they are not listed, or others are."""
    try:
        packages, _ = root.lake.read_json(_path(root, feature, digest))
    except MissingEvidence:
        return None
    return packages if digest_of(packages) == digest else None


def _path(root: Root, feature: AiFeatureSpec, digest: str) -> str:
    return root.lake.path(feature.name, ENVIRONMENTS, digest, "json")
