"""Registered versions that are smaller or older than the one that answers, and how good they are.

How good is read from evaluations that were really made, on labelled predictions of production:
beside the version that answers (a candidate and the version in production are evaluated on the
same rows, whichever of them answers now), else beside what was answered then. A version is within
the gate's margin when no metric that the gate compares is worse by more, with its whole interval.
One that nobody evaluated is listed as such; what it would save is nobody's guess.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.gate import CandidateGate
from ai_ops.storage.in_force import gate_in_force, live_version
from ai_ops.storage.model_version import ModelVersion
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence, RegistryUnavailable
from ai_ops.vocabulary.verdicts import Evidence

Standing = Literal["within the margin", "worse than the margin", "not evaluated"]

KEPT: Final = timedelta(days=62)
"""How long after its rows an evaluation speaks for a version here: two months."""

# Per metric: whether more of it is better, the criterion of its margin, and the metric of which
# that margin is a share.
_METRICS: Final[Mapping[str, tuple[bool, str, str]]] = {
    "auc": (True, "auc_margin", ""),
    "brier": (False, "brier_margin", ""),
    "ece": (False, "ece_margin", ""),
    "accuracy": (True, "accuracy_margin", ""),
    "balanced_accuracy": (True, "balance_margin", ""),
    "decision_gap": (False, "gap_margin", ""),
    "macro_f1": (True, "f1_margin", ""),
    "log_loss": (False, "log_loss_margin", ""),
    "mae": (False, "error_margin", "mae"),
    "bias": (False, "bias_margin", "mae"),
}
_SIGNED: Final = ("decision_gap", "bias")
"""Metrics whose size counts, whichever way they point."""
_OF_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "score": ("auc", "brier", "ece"),
    "decision": ("accuracy", "balanced_accuracy", "decision_gap"),
    "classes": ("accuracy", "macro_f1", "log_loss", "ece"),
    "number": ("mae", "bias"),
}


@dataclass(frozen=True)
class OtherVersion:
    """A smaller or older version: its size and time beside those of the version that answers.

    ``time_ratio`` is what a row of a batch takes of it, as a share, where both were measured in
    turn. ``words`` say how it was evaluated, on ``rows`` rows.
    """

    version: str
    size_bytes: int
    size_ratio: float | None
    older: bool
    standing: Standing
    words: str
    rows: int = 0
    time_ratio: float | None = None


@dataclass(frozen=True)
class Versions:
    """The version that answers, the others, and what was read; ``problem``: why none was looked
    at, which is a lack of evidence when they are ``unknown``."""

    live: str | None = None
    size_bytes: int = 0
    others: tuple[OtherVersion, ...] = ()
    problem: str = ""
    unknown: bool = False
    read: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class _Comparison:
    """One evaluation: the difference of each metric to the other side, in which direction."""

    beside: str
    difference: Mapping[str, Any]
    own: Mapping[str, Any]
    other: Mapping[str, Any]
    kind: str
    rows: int
    last_day: str
    as_of: datetime
    sign: int = 1
    time_ratio: float | None = None


def look_at_versions(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Versions:
    """Every registered version that is smaller or older than the one that answers."""
    if not feature.trained_here:
        return Versions(problem="somebody else trains the model: no version of it is here")
    try:
        live = live_version(root, feature.name, as_of, as_of)
        known = root.registry.versions(feature.name)
    except RegistryUnavailable as error:
        return Versions(problem=str(error), unknown=True)
    if live is None:
        return Versions(problem="no version answers yet", unknown=True)
    serving = next((one for one in known if one.version == live.version), None)
    if serving is None:
        words = f"the registry has no version {live.version}"
        return Versions(live.version, problem=words, unknown=True)
    gate = gate_in_force(root, feature, as_of).gate.candidate
    evaluations, read = _evaluations(root, feature, as_of)
    others = tuple(
        _described(one, serving, gate, evaluations, as_of)
        for one in known
        if one.version != live.version and _worth_a_look(one, serving)
    )
    return Versions(live.version, serving.size_bytes, others, read=read)


def _worth_a_look(one: ModelVersion, serving: ModelVersion) -> bool:
    smaller = 0 < one.size_bytes < serving.size_bytes
    return smaller or int(one.version) < int(serving.version)


def _described(
    one: ModelVersion,
    serving: ModelVersion,
    gate: CandidateGate,
    evaluations: Iterable[tuple[str, _Comparison]],
    as_of: datetime,
) -> OtherVersion:
    ratio = one.size_bytes / serving.size_bytes if serving.size_bytes else None
    older = int(one.version) < int(serving.version)
    own = [found for version, found in evaluations if version == one.version]
    # What stands beside the version that answers tells more than what was answered then.
    own = [found for found in own if found.beside in (serving.version, "")]
    newest = max(own, key=lambda found: (found.beside != "", found.as_of), default=None)

    def told(standing: Standing, words: str, found: _Comparison | None = None) -> OtherVersion:
        return OtherVersion(
            one.version,
            one.size_bytes,
            ratio,
            older,
            standing,
            words,
            found.rows if found else 0,
            found.time_ratio if found else None,
        )

    if newest is None:
        return told("not evaluated", f"run `ai-ops evaluate {one.name} --version {one.version}`")
    last = datetime.fromisoformat(newest.last_day).replace(tzinfo=as_of.tzinfo)
    beside = f"version {newest.beside}" if newest.beside else "what was answered then"
    on = f"on {newest.rows} labelled rows up to {newest.last_day}, beside {beside}"
    if as_of - last > KEPT:
        return told("not evaluated", f"not lately: the last time was {on}", newest)
    worse = _worse(newest, gate)
    if worse:
        return told("worse than the margin", f"{on}: {'; '.join(worse)}", newest)
    return told("within the margin", on, newest)


def _worse(found: _Comparison, gate: CandidateGate) -> list[str]:
    """What is not surely within its margin, in words."""
    words = []
    for name in _OF_KIND.get(found.kind, ()):
        more_is_better, criterion, scale = _METRICS[name]
        worst = _at_worst(found, name, more_is_better)
        if worst is None:
            words.append(f"{name} has no interval")
            continue
        unit = abs(found.other[scale]["value"]) if scale else 1.0
        if worst > (margin := getattr(gate, criterion) * unit):
            words.append(f"{name} may be worse by {worst:.4f}, allowed are {margin:.4f}")
    return words or ([] if found.kind in _OF_KIND else [f"a kind of answer unknown: {found.kind}"])


def _at_worst(found: _Comparison, name: str, more_is_better: bool) -> float | None:
    """By how much the metric may be worse; None where no interval tells."""
    alone = name in _SIGNED and not found.beside
    told = (found.own if alone else found.difference).get(name)
    if told is None or told["low"] is None or told["high"] is None:
        return None
    low, high = float(told["low"]), float(told["high"])
    if alone:  # their difference is not that of their sizes
        return max(abs(low), abs(high)) - abs(float(found.other[name]["value"]))
    ends = sorted((found.sign * low, found.sign * high))
    return -ends[0] if more_is_better else ends[1]


def _evaluations(
    root: Root, feature: AiFeatureSpec, as_of: datetime
) -> tuple[list[tuple[str, _Comparison]], tuple[Evidence, ...]]:
    """Every evaluation that was known by then: the version, and what it was held against."""
    found: list[tuple[str, _Comparison]] = []
    read = []
    for asset in ("version_evaluation", "candidate_evaluation"):
        for path in root.lake.glob(f"{feature.name}/{asset}/*.json"):
            if path.endswith("/latest.json"):
                continue  # a copy of the newest
            try:
                data, evidence = root.lake.read_json(path)
            except MissingEvidence:
                continue  # replaced between the listing and the reading
            if datetime.fromisoformat(data["as_of"]) > as_of:
                continue
            read.append(evidence)
            found += _alone(data) if asset == "version_evaluation" else _paired(data)
    return found, tuple(read)


def _alone(data: Mapping[str, Any]) -> list[tuple[str, _Comparison]]:
    measured = data["measured"]
    at = datetime.fromisoformat(data["as_of"])
    rows = measured["rows"], measured["last_day"], at
    kind, own = measured.get("kind", "score"), measured["metrics"]
    return [
        (data["version"], _Comparison("", data["difference"], own, data["served"], kind, *rows))
    ]


def _paired(data: Mapping[str, Any]) -> list[tuple[str, _Comparison]]:
    """A candidate beside the version in production then, and that one beside the candidate."""
    pair = data["compared"]
    if pair is None or data["champion"] is None:
        return []
    kind = pair["candidate"].get("kind", "score")
    rows = data["rows"], data["last_day"], datetime.fromisoformat(data["as_of"])
    own, other, apart = (
        pair["candidate"]["metrics"],
        pair["champion"]["metrics"],
        pair["difference"],
    )
    ratio = None
    if budget := data.get("budget"):
        ratio = budget["candidate"]["batch_row_ms"] / budget["champion"]["batch_row_ms"]
    inverse = 1 / ratio if ratio else None
    return [
        (data["version"], _Comparison(data["champion"], apart, own, other, kind, *rows, 1, ratio)),
        (
            data["champion"],
            _Comparison(data["version"], apart, other, own, kind, *rows, -1, inverse),
        ),
    ]
