"""Labels that people gave: read from the form that came back, checked, and put where labels lie.

Nothing is lost: a label is taken, or was known already, or stands in the quarantine with its line
and the reason. A label that is known is never overwritten by another.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from ai_ops.accuracy_evaluation.label_forms import FormRow, read_form
from ai_ops.accuracy_evaluation.label_lookup import SourceLabel, labels_of, logged_days
from ai_ops.accuracy_evaluation.label_values import read_labels
from ai_ops.accuracy_evaluation.queue_marks import HUMAN_LABELS, queued
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

QUARANTINE: Final = f"{HUMAN_LABELS}/quarantine"
SHOWN: Final = 20

_TIMES: Final = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Refused:
    """A line that was not taken: where it stands, what it said, and why."""

    line: int
    id: str | None
    label: str | None
    reason: str


@dataclass(frozen=True)
class Import:
    """What became of a form, line by line: the counts add up to ``lines``.

    ``open`` lines have no label yet; ``repeated`` and ``already`` say what is known, in this file
    or from elsewhere. ``drawn_open`` of the drawn rows that are out still lack their label.
    ``unheard`` are classes that no answer names. ``problem`` says why the labels' source could not
    be asked.
    """

    feature: str
    file: str
    file_digest: str
    labelled_by: str
    imported_at: datetime
    lines: int
    taken: int
    open: int
    repeated: int
    already: int
    drawn_open: int
    labels: dict[str, int] = field(default_factory=dict)
    unheard: dict[str, int] = field(default_factory=dict)
    quarantined: list[Refused] = field(default_factory=list)
    problem: str = ""

    def as_data(self) -> dict[str, Any]:
        """The same as JSON-ready data."""
        return {**asdict(self), "imported_at": self.imported_at.isoformat()}


def import_labels(root: Root, feature: AiFeatureSpec, path: Path, by: str) -> Import:
    """Take the labels of a form that a person filled in, as known from now on.

    The same form once more changes nothing. Raises ``BadInput`` for what is no form, and
    ``MissingEvidence`` for a feature that has no labels at all.
    """
    if not feature.labelled:
        raise MissingEvidence(
            f"{feature.name}: nobody ever learns the correct answers (ground_truth.kind: none); "
            "say which kind its labels are, before any is imported"
        )
    now, rows = root.clock.now(), read_form(root, path)
    given = [row for row in rows if row.id is not None and row.label is not None]
    ids = sorted({row.id for row in given if row.id is not None})
    known = labels_of(root, feature, ids, now)
    logged = logged_days(root, feature, ids)
    out = queued(root.lake, feature.name)
    exported = frozenset(out["id"].to_pylist())
    sorted_ = _Sorter(feature.ground_truth, given, known.known, logged, exported)
    taken: list[tuple[FormRow, Any]] = []
    refused: list[Refused] = []
    counts: Counter[str] = Counter()
    for row in rows:
        fate, label = sorted_.fate_of(row)
        if fate == "taken":
            taken.append((row, label))
        elif fate in ("open", "repeated", "already"):
            counts[fate] += 1
        else:
            refused.append(Refused(row.line, row.id, row.label, fate))
    digest = sha256(path.read_bytes()).hexdigest()
    done = Import(
        feature=feature.name,
        file=path.name,
        file_digest=digest,
        labelled_by=by,
        imported_at=now,
        lines=len(rows),
        taken=len(taken),
        open=counts["open"],
        repeated=counts["repeated"],
        already=counts["already"],
        drawn_open=_still_open(root, feature, out, {row.id for row, _ in taken}, now),
        labels=dict(Counter(_told(label) for _, label in taken).most_common(SHOWN)),
        unheard=_unheard(feature, [label for _, label in taken]),
        quarantined=refused,
        problem=known.problem,
    )
    _keep(root, done, taken)
    return done


class _Sorter:
    """Tells of each line of a form what becomes of it."""

    def __init__(
        self,
        truth: GroundTruth,
        given: Sequence[FormRow],
        known: dict[str, SourceLabel],
        logged: dict[str, str],
        exported: frozenset[str],
    ) -> None:
        labels = read_labels(pa.array([row.label for row in given], pa.string()), truth)
        self._truth, self._known, self._logged = truth, known, logged
        self._exported = exported
        self._read = {row.line: label for row, label in zip(given, labels.to_pylist(), strict=True)}
        self._in_file: dict[str, set[Any]] = {}
        for row in given:
            if row.id is not None and self._read[row.line] is not None:
                self._in_file.setdefault(row.id, set()).add(self._read[row.line])
        self._seen: set[str] = set()

    def fate_of(self, row: FormRow) -> tuple[str, Any]:
        """What becomes of a line: a word, or why it is not taken; and its label as it is kept."""
        if row.problem:
            return row.problem, None
        if row.id is None:
            return ("open" if row.label is None else "a label without an id"), None
        if row.label is None:
            return "open", None
        label = self._read[row.line]
        if row.id not in self._logged:
            return "no readable logged prediction has this id", None
        if row.id not in self._exported:  # a wrong label would stand against the source's own
            return f"row {row.id} was never handed out; export it first", None
        if label is None:
            return f"no label of kind {self._truth.kind}", None
        if len(self._in_file[row.id]) > 1:
            told = ", ".join(sorted(_told(one) for one in self._in_file[row.id]))
            return f"the file has several labels of this id: {told}", None
        before = self._known.get(row.id)
        if before is not None and {before.label, before.other} != {label}:
            since = f" since {before.since:%Y-%m-%d %H:%M}" if before.since else ""
            return f"contradicts the label {_told(before.label)} that is known{since}", None
        if before is not None:
            return "already", None
        if row.id in self._seen:
            return "repeated", None
        self._seen.add(row.id)
        return "taken", self._kept(row, label)

    def _kept(self, row: FormRow, label: Any) -> Any:
        """As the labels' source reads it again: words, for a binary label may name its positive."""
        if self._truth.kind == "binary":
            return row.label if self._truth.positive is not None else _told(label)
        return label


def _unheard(feature: AiFeatureSpec, labels: Sequence[Any]) -> dict[str, int]:
    """Labels of classes without a probability: new in the world, or misspelt."""
    named = feature.judged.probabilities
    return dict(Counter(label for label in labels if named and label not in named))


def _still_open(
    root: Root, feature: AiFeatureSpec, out: pa.Table, taken: set[str | None], now: datetime
) -> int:
    rows = zip(out["id"].to_pylist(), out["picked_by"].to_pylist(), strict=True)
    drawn = {id for id, picked_by in rows if picked_by == "drawn"} - taken
    known = labels_of(root, feature, sorted(drawn), now).known if drawn else {}
    return len(drawn - known.keys())


def _keep(root: Root, done: Import, taken: Sequence[tuple[FormRow, Any]]) -> None:
    """The labels, the quarantine and what was done, each in a file that is never overwritten."""
    lake = root.lake
    fresh = False
    if taken:
        ids = [row.id for row, _ in taken]
        number = isinstance(taken[0][1], float)
        labels = pa.table(
            {
                "id": pa.array(ids, pa.string()),
                "label": pa.array(
                    [label for _, label in taken], pa.float64() if number else pa.string()
                ),
                "available_at": pa.array([done.imported_at for _ in taken], _TIMES),
                "labelled_by": pa.array([done.labelled_by for _ in taken], pa.string()),
            }
        )
        fresh |= _once(root, done, HUMAN_LABELS, labels, msgspec.json.encode(ids))
    if done.quarantined:
        refused = pa.Table.from_pylist([asdict(one) for one in done.quarantined])
        what = msgspec.json.encode([asdict(one) for one in done.quarantined])
        fresh |= _once(root, done, QUARANTINE, refused, what)
    if fresh:
        name = f"{done.imported_at:%Y-%m-%dT%H%M%S}-{done.file_digest[:8]}"
        path = lake.path(done.feature, f"{HUMAN_LABELS}/imports", name, "json")
        lake.write_json(path, {**done.as_data(), "quarantined": len(done.quarantined)})


def _once(root: Root, done: Import, asset: str, table: pa.Table, what: bytes) -> bool:
    name = sha256(done.file_digest.encode() + what).hexdigest()[:16]
    path = root.lake.path(done.feature, asset, name)
    if root.lake.glob(f"{done.feature}/{asset}/{name}.parquet"):
        return False
    root.lake.write_table(path, table)
    return True


def _told(label: Any) -> str:
    """A label in words.

    >>> _told(True), _told(3.0), _told("bee")
    ('true', '3', 'bee')
    """
    if isinstance(label, bool):
        return str(label).lower()
    return f"{label:g}" if isinstance(label, float) else str(label)
