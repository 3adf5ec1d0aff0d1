"""What a person saw when they signed a line off: kept by its digest, and shown again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.items import Item
from ai_ops.checklist.reading import Line, as_shown, read_item, window_at
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Status

SIGNED: Final = "signed"
"""The folder of what was shown, below the feature's own in the lake."""

ABBREVIATED: Final = 12
"""So many digits of a digest tell one list from another."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A line as its owner signed it: what was shown, or why that is not known, and whether it
    reads otherwise today."""

    line: Line
    shown: Mapping[str, Any] | None
    lacking: str | None
    broken: bool = False

    @property
    def changed(self) -> bool | None:
        """Whether the line reads otherwise than when it was signed; None when that is unknown."""
        signed = self.line.signed_off
        if self.shown is None or signed is None:
            return None
        return signed.shown != self.line.shown

    @property
    def status(self) -> Status | None:
        """The status that was signed; None when that is unknown."""
        return None if self.shown is None else self.shown["status"]


def keep_shown(
    root: Root,
    feature: AiFeatureSpec,
    item: Item,
    partition: str | None,
    expected: str | None = None,
) -> str:
    """Keep the line as it reads now, and return the digest that a sign-off carries.

    ``expected`` is the digest (or how it begins) of what its owner was shown: ``BadInput`` when
    the line reads otherwise by now, or its list is not over yet.
    """
    now = root.clock.now()
    window = _window(item, partition, now)
    if window.end > now:
        raise BadInput(
            f"--partition: the list of {partition} is over on {window.end.date()}, and can be "
            "signed off from then on"
        )
    line = read_item(root, feature, item, window, now)
    if expected is not None and not _begins(line.shown, expected):
        raise BadInput(
            f"--shown: {item.id} reads otherwise by now ({line.shown[:ABBREVIATED]}): "
            f"{line.verdict.status}, {line.verdict.reason}; look again: ai-ops checklist "
            f"{feature.name} --cadence {item.cadence}"
        )
    root.lake.write_bytes(_path(root, feature, line.shown), as_shown(feature, line))
    return line.shown


def seen(root: Root, feature: AiFeatureSpec, line: Line) -> Seen:
    """What the owner of a line saw when it was signed off."""
    signed = line.signed_off
    if signed is None:
        late = f"; {line.overdue.words}" if line.overdue else ""
        return Seen(line, None, f"{line.owner} did not sign it off{late}")
    if signed.shown is None:
        return Seen(line, None, f"{signed.by} signed it without what was shown")
    path = _path(root, feature, signed.shown)
    try:
        content = root.lake.read_bytes(path)
    except MissingEvidence:
        return Seen(line, None, f"{path}: what {signed.by} was shown is not there", broken=True)
    if sha256(content).hexdigest() != signed.shown:
        words = f"{path}: this is not what {signed.by} signed (its digest is another)"
        return Seen(line, None, words, broken=True)
    return Seen(line, json.loads(content), None)


def _begins(digest: str, expected: str) -> bool:
    return len(expected) >= ABBREVIATED and digest.startswith(expected)


def _window(item: Item, partition: str | None, now: datetime) -> Window:
    if partition is None:
        return window_at(item.cadence, now)
    first = date.fromisoformat(partition)
    return Window.of_month(first) if item.cadence == "monthly" else Window.of_week(first)


def _path(root: Root, feature: AiFeatureSpec, digest: str) -> str:
    return root.lake.path(feature.name, SIGNED, digest, "json")
