"""What each version of the registry was when it was first seen, kept in the ledger.

MLflow lets everybody overwrite a tag and keeps no history, and who reaches its database can change
the rest. The first fingerprint of a version is the one that counts: a later one changes nothing.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.decisions import appended_all
from ai_ops.storage.ledger import Ledger, NewEvent
from ai_ops.storage.ledger_chain import Event
from ai_ops.storage.model_files import FILES, checked_content
from ai_ops.storage.model_version import ModelVersion
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError
from ai_ops.vocabulary.words import EventKind

RECORDED_WITH: Final[tuple[EventKind, ...]] = ("fingerprint", "launch", "promotion", "rollback")
"""The events that hold a fingerprint: that of its first sight, and those of its moves."""

Fingerprint = Mapping[str, str]
"""Each fact of a version by its name: a metric by its value, what is text by its digest."""


def fingerprint_of(version: ModelVersion) -> dict[str, str]:
    """The facts of a version that nothing may change after it was registered.

    Who points at it is none of them. Texts are digested: the ledger needs no copy of a tag.
    """
    return {
        "model": version.model_id,
        "run": version.run_id,
        "data": version.dataset_digest,
        "location": _digest(version.location),
        "created": version.created_at.isoformat(),
        **{f"metric {name}": repr(value) for name, value in version.metrics.items()},
        **{f"parameter {name}": _digest(text) for name, text in version.params.items()},
        **{f"tag {name}": _digest(text) for name, text in version.tags.items()},
    }


def changes(before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    """What of a version is another than it was, in words.

    >>> list(changes({"tag title": "a", "metric auc": "0.7"}, {"metric auc": "0.9", "tag x": "b"}))
    ['metric auc: 0.7, then 0.9', 'tag title: removed', 'tag x: added']
    """
    for name in sorted({*before, *now}):
        if name not in now:
            yield f"{name}: removed"
        elif name not in before:
            yield f"{name}: added"
        elif before[name] != now[name]:
            shown = f"{before[name]}, then {now[name]}" if name.startswith("metric") else "changed"
            yield f"{name}: {shown}"


def altered_files(version: ModelVersion) -> Iterator[str]:
    """Which files of a version are gone or not those that were registered.

    Those of a store elsewhere are not fetched for it: they are checked whenever one is loaded.
    """
    what = f"{version.name} version {version.version}"
    for file in FILES.values():
        try:
            if version.folder is not None:
                checked_content(version.folder, file, version.params, what)
        except AiOpsError as error:
            yield str(error)


def states_of_files(version: ModelVersion) -> Iterator[tuple[str, int, int, int] | None]:
    """What tells each file of a version from one that took its place, without reading it."""
    folder = version.folder
    if folder is None:
        return
    for file in FILES.values():
        try:
            found = (folder / file).stat()
        except OSError:
            yield None
            continue
        yield file, found.st_mtime_ns, found.st_size, found.st_ino


def fingerprints(ledger: Ledger, feature: str) -> dict[str, Fingerprint]:
    """The first fingerprint of each version that the ledger holds one of."""
    known: dict[str, Fingerprint] = {}
    for event in ledger.events(feature, kinds=RECORDED_WITH):
        facts = event.payload.get("fingerprint")
        if facts:
            known.setdefault(str(event.payload["version"]), facts)
    return known


def record_first_sight(root: Root, feature: AiFeatureSpec) -> list[Event]:
    """Record the fingerprint of every version that the ledger holds none of, as one block."""
    versions = root.registry.versions(feature.name)

    def decide(_: object) -> list[NewEvent]:
        known = fingerprints(root.ledger, feature.name)
        return [
            NewEvent(
                "fingerprint",
                feature.name,
                {"version": one.version, "fingerprint": fingerprint_of(one)},
            )
            for one in versions
            if one.version not in known
        ]

    # Most looks find nothing new: they need not wait for other writers.
    return appended_all(root, feature, decide) if decide(None) else []


def changed_since_seen(root: Root, feature: str, version: ModelVersion) -> tuple[str, ...]:
    """What of a version is not as it was when it was first seen; nothing of one never seen."""
    known = fingerprints(root.ledger, feature).get(version.version)
    return () if known is None else tuple(changes(known, fingerprint_of(version)))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
