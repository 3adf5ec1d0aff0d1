"""Everything that the books know of one logged prediction, collected for whoever asks.

The shape of ``ai-ops predictions explain --json``:

``feature``, ``id``, ``prediction`` (as in ``find``), ``others`` (further records of the id),
``privacy`` (the rules by field);
``version``: registry, moves, approval, gate, and what it passed;
``live``: the version that was live then, and whether the record ``agrees``;
``verdicts``: ``then``, the latest of each item as known at that moment, and ``on_its_day``, what is
known now of the prediction's own day;
``incidents``: ``open_then``, and ``begun_by_then`` (opened later);
``label``, ``retention``;
``replay``: its ``status`` (match | differs | impossible), ``kind`` and ``reason``;
``evidence``: the log's file, its sha256, and the one that was judged;
``missing``: everything that is not known, one sentence each.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from ai_ops.accuracy_evaluation.known_label import known_label
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import judged_of
from ai_ops.cli.explained_version import Versions
from ai_ops.client.keys import Keys
from ai_ops.inference_management.rescoring import Logged, Rescored, Rescoring
from ai_ops.prediction_logging.doubts import told
from ai_ops.prediction_logging.finding import Query
from ai_ops.prediction_logging.found_rows import FoundPrediction
from ai_ops.prediction_logging.searching import Finder, Search
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, standing_of
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window

ITEMS: Final = (
    "log_written",
    "log_complete",
    "witness_agrees",
    "schema_conforms",
    "version_is_champion",
    "inputs_well_formed",
    "input_drift",
    "output_drift",
    "joint_drift",
    "slice_drift",
    "accuracy",
    "label_coverage",
    "service_healthy",
)
"""The verdicts that say how far a prediction of a day could be trusted."""

_MOST: Final = 100


class Explaining:
    """Explains predictions of one feature: what can be read once is read once."""

    def __init__(self, root: Root, feature: AiFeatureSpec, keys: Keys) -> None:
        self._root, self._feature = root, feature
        self._finder = Finder(root, feature)
        self._versions = Versions(root, feature)
        self._rescoring = Rescoring(root, feature, keys)
        self._digests: dict[str, str] = {}

    def __enter__(self) -> "Explaining":
        return self

    def __exit__(self, *error: object) -> None:
        self._finder.__exit__(*error)

    def look_up(self, id: str, day: str | None = None) -> Search:
        """The predictions of that id, of one day if it is named."""
        window = Window.of_day(day) if day is not None else None
        begin, end = (window.start, window.end) if window is not None else (None, None)
        return self._finder.search(Query({"id": (id,)}, begin=begin, end=end), _MOST)

    def explained(self, found: Search) -> dict[str, Any]:
        """The latest prediction of a search, explained; ``MissingEvidence`` when it has none."""
        if not found.predictions:
            raise MissingEvidence(f"{found.feature}: nothing was found to explain")
        one, *others = found.predictions
        version = one.record["model_version"]
        behind, missing = self._versions.explained(version, one.time)
        on_its_day = self._judged(one)
        verdicts = self._verdicts(one, on_its_day)
        label = known_label(self._finder.engine, self._root.lake, self._feature, one.id, one.day)
        replay = self._replay(one)
        if label.label is None:
            missing.append(f"the label: {label.reason}")
        if replay.status == "impossible":
            missing.append(f"a replay: {replay.reason}")
        missing += self._unknown(one, verdicts, found)
        return {
            "feature": self._feature.name,
            "id": one.id,
            "prediction": one.as_data(),
            "others": [other.as_data() for other in others],
            "privacy": dict(self._feature.privacy.fields),
            "version": behind,
            "live": self._versions.live_at(version, one.time),
            "verdicts": verdicts,
            "incidents": self._incidents(one),
            "label": label.as_data() | {"agrees": self._agrees(one, label.label)},
            "retention": self._retention(one.time),
            "replay": replay.as_data(),
            "evidence": self._evidence(one, on_its_day),
            "missing": missing,
        }

    def _replay(self, one: FoundPrediction) -> Rescored:
        record = one.record
        logged = Logged(
            record["model_version"], record["status"], one.input, one.output, record["withheld"]
        )
        return self._rescoring.rescored(
            logged, lambda: [other.input for other in self._finder.batch_of(one)]
        )

    def _judged(self, one: FoundPrediction) -> list[RecordedVerdict]:
        """The verdicts on a prediction's day, as they are known now."""
        window = Window.of_day(one.day)
        return self._root.ledger.verdicts(self._feature.name, window=window, items=ITEMS)

    def _verdicts(self, one: FoundPrediction, known: Sequence[RecordedVerdict]) -> dict[str, Any]:
        ledger, name = self._root.ledger, self._feature.name
        then: dict[str, RecordedVerdict] = {}
        for verdict in ledger.verdicts(name, as_of=one.time, items=ITEMS):
            then[verdict.item] = verdict  # they come by the begin of their window
        return {
            "as_of": one.time.isoformat(),
            "then": [_verdict(then[item]) for item in ITEMS if item in then],
            "on_its_day": [_verdict(found) for found in known],
        }

    def _incidents(self, one: FoundPrediction) -> dict[str, Any]:
        at = one.time
        then = standing_of(self._root.ledger, self._feature.name, at)
        known = {incident.id for incident in then.incidents}
        later = [
            incident
            for incident in self._versions.standing.incidents
            if incident.id not in known
            and incident.begin <= one.day
            and (incident.resolved_at is None or incident.resolved_at > at)
        ]
        return {
            "open_then": [_incident(incident) for incident in then.open_incidents],
            "begun_by_then": [_incident(incident) for incident in later],
        }

    def _retention(self, at: datetime) -> dict[str, Any]:
        days = self._feature.privacy.retention_days
        until = at + timedelta(days=days)
        return {
            "days": days,
            "until": until.isoformat(),
            "is_over": until < self._now,
        }

    def _agrees(self, one: FoundPrediction, label: Any) -> bool | None:
        """Whether the logged decision is the label; None where either is unknown."""
        name = self._feature.judged.decision
        decision = (one.output or {}).get(name) if name else None
        if decision is None or label is None or type(decision) is not type(label):
            return None
        return bool(decision == label)

    def _evidence(self, one: FoundPrediction, known: Sequence[RecordedVerdict]) -> dict[str, Any]:
        """The file that it was read from, and whether that is the one which was judged."""
        if one.in_segment:
            return {"file": one.read_from, "sha256": None, "judged_sha256": None, "agrees": None}
        path = self._root.lake.path(self._feature.name, "prediction_log", one.day)
        if path not in self._digests:
            self._digests[path] = self._root.lake.digest_of(path)[1]
        judged = [
            evidence.digest
            for verdict in known
            if verdict.item == "log_written"
            for evidence in verdict.verdict.evidence
            if evidence.source == one.read_from
        ]
        found, before = self._digests[path], judged[-1] if judged else None
        agrees = found == before if before else None
        return {
            "file": one.read_from,
            "sha256": found,
            "judged_sha256": before,
            "agrees": agrees,
        }

    def _unknown(
        self, one: FoundPrediction, verdicts: dict[str, Any], found: Search
    ) -> Iterable[str]:
        if one.input is None:
            yield f"the input: {one.record['withheld'] or 'the log holds none'}"
        if one.output is None and one.record["status"] == "ok":
            yield f"the output: {one.record['withheld'] or 'the log holds none'}"
        if self._feature.source is not None:
            yield "completeness: unprovable, nobody counted while this log was written"
        judged = {verdict["item"] for verdict in verdicts["on_its_day"]}
        if unjudged := [item for item in judged_of(ITEMS, self._feature) if item not in judged]:
            yield f"verdicts on {one.day}: {', '.join(unjudged)}"
        if one.in_segment:
            yield f"a compacted log of {one.day}: it stands in a segment alone so far"
        yield from (f"further records of this id: {line}" for line in told(found.doubts))

    @cached_property
    def _now(self) -> datetime:
        return self._root.clock.now()


def _verdict(one: RecordedVerdict) -> dict[str, Any]:
    return {
        "item": one.item,
        "window": {"start": one.window.start.isoformat(), "end": one.window.end.isoformat()},
        "status": one.verdict.status,
        "as_of": one.as_of.isoformat(),
        "reason": one.verdict.reason,
    }


def _incident(one: Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        "alert": one.alert,
        "item": one.item,
        "begin": one.begin,
        "opened_at": one.opened_at.isoformat(),
        "state": one.state,
        "conclusion": one.conclusion,
        "reason": one.reason,
    }
