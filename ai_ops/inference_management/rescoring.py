"""Scoring a logged prediction again with the very version that made it, and naming what differs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client.keys import ENCRYPT_KEY, Keys
from ai_ops.client.privacy import ENCRYPTED, HASHED, opened
from ai_ops.inference_management.answering import FEW_ROWS
from ai_ops.storage.loaded_model import TOLERANCE, LoadedModel
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import (
    AiOpsError,
    ArtifactChanged,
    BadInput,
    MissingEvidence,
    RegistryUnavailable,
    UnknownVersion,
)

Kind = Literal[
    "exact",
    "exact_in_its_batch",
    "within_tolerance",
    "score_differs",
    "decision_differs",
    "not_answered",
    "served_elsewhere",
    "version_unknown",
    "version_gone",
    "model_changed",
    "model_missing",
    "registry_unreachable",
    "inputs_withheld",
    "inputs_protected",
    "inputs_absent",
    "output_absent",
    "model_refuses",
]


@dataclass(frozen=True, slots=True)
class Logged:
    """What the log tells of a prediction: by which version, from what, and what was answered."""

    version: str | None
    status: str
    input: Mapping[str, Any] | None
    output: Mapping[str, Any] | None
    withheld: str | None = None


@dataclass(frozen=True, slots=True)
class Rescored:
    """What came of scoring it again: ``match``, ``differs``, or ``impossible``, and why.

    ``difference`` is the distance of the two scores; ``batch`` how many rows were scored together.
    """

    status: Literal["match", "differs", "impossible"]
    kind: Kind
    reason: str
    version: str | None = None
    logged: Mapping[str, Any] = field(default_factory=dict)
    replayed: Mapping[str, Any] = field(default_factory=dict)
    difference: float | None = None
    tolerance: float = TOLERANCE
    batch: int | None = None

    def as_data(self) -> dict[str, Any]:
        """The result as JSON-ready data."""
        return asdict(self)


class _Impossible(Exception):
    """Why it cannot be scored again."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


class Rescoring:
    """Scores predictions of one feature again; each version is loaded once, never from a pickle."""

    def __init__(self, root: Root, feature: AiFeatureSpec, keys: Keys) -> None:
        self._root, self._feature, self._keys = root, feature, keys
        self._models: dict[str, LoadedModel] = {}

    def rescored(
        self, logged: Logged, batch: Callable[[], Sequence[Mapping[str, Any] | None]] = tuple
    ) -> Rescored:
        """The prediction, scored again alone; where that is not the very number, in its ``batch``:
        the inputs of the request that it was part of, in their order."""
        try:
            score, decision = self._answers(logged)
            model = self._model(logged.version)
            inputs = self._inputs(model, logged.input)
            found = self._score(model, [inputs])
        except _Impossible as no:
            return Rescored("impossible", no.kind, no.reason, logged.version)
        kind, rows = _kind(found, score), 1
        if kind != "exact":
            together = self._in_batch(model, inputs, batch())
            if together is not None and together[0] == score:
                (found, rows), kind = together, "exact_in_its_batch"
        return self._compared(logged, kind, (score, decision), found, rows)

    def _compared(
        self,
        logged: Logged,
        kind: Kind,
        answered: tuple[float, Any],
        found: float,
        rows: int,
    ) -> Rescored:
        judged = self._feature.judged
        score, decision = answered
        decided = score >= judged.threshold
        same = decision is None or type(decision) is not bool or decision == decided
        if kind != "score_differs" and not same:
            kind = "decision_differs"
        told = {judged.score or "": score}
        again = {judged.score or "": found}
        if judged.decision is not None and type(decision) is bool:
            told |= {judged.decision: decision}
            again |= {judged.decision: found >= judged.threshold}
        differs = kind in ("score_differs", "decision_differs")
        return Rescored(
            status="differs" if differs else "match",
            kind=kind,
            reason=_reason(kind, score, found, rows, judged.threshold),
            version=logged.version,
            logged=told,
            replayed=again,
            difference=abs(found - score),
            batch=rows,
        )

    def _answers(self, logged: Logged) -> tuple[float, Any]:
        """The score and the decision that were logged."""
        if self._feature.served_by != "own_model":
            who = "a provider" if self._feature.served_by == "provider_api" else "somebody else"
            raise _Impossible("served_elsewhere", f"{who} serves the model: it is not here to ask")
        if logged.withheld is not None:
            raise _Impossible("inputs_withheld", f"its payload was withheld: {logged.withheld}")
        if logged.status != "ok":
            raise _Impossible("not_answered", f"it was not answered: it {_became(logged.status)}")
        name = self._feature.judged.score
        score = (logged.output or {}).get(name) if name else None
        if type(score) not in (int, float):
            raise _Impossible("output_absent", f"the log holds no number as its {name or 'score'}")
        decision = self._feature.judged.decision
        return float(score), (logged.output or {}).get(decision) if decision else None  # type: ignore[arg-type]

    def _model(self, version: str | None) -> LoadedModel:
        if version is None:
            raise _Impossible("version_unknown", "the record names no version")
        if version not in self._models:
            try:
                self._models[version] = self._root.registry.load(self._feature.name, version)
            except UnknownVersion as error:
                raise _Impossible("version_gone", str(error)) from None
            except ArtifactChanged as error:
                raise _Impossible("model_changed", str(error)) from None
            except RegistryUnavailable as error:
                raise _Impossible("registry_unreachable", str(error)) from None
            except (MissingEvidence, BadInput) as error:
                raise _Impossible("model_missing", str(error)) from None
        return self._models[version]

    def _inputs(self, model: LoadedModel, told: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the model reads, as it was received; encrypted values are opened where a key is."""
        if told is None:
            raise _Impossible("inputs_absent", "the log holds no input")
        rules = self._feature.privacy.fields
        found = {}
        for column in model.encoder.columns:
            name = column.name
            if name not in told:
                kind: Kind = "inputs_protected" if rules.get(name) == "drop" else "inputs_absent"
                why = "the privacy policy drops it" if rules.get(name) == "drop" else "not logged"
                raise _Impossible(kind, f"version {model.version} reads {name}: {why}")
            found[name] = self._opened(name, told[name])
            if column.type == "number" and found[name] == "NaN":
                found[name] = None  # JSON has no word for it; a model reads either as missing
        return found

    def _opened(self, name: str, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith((HASHED, ENCRYPTED)):
            return value
        if value.startswith(HASHED):
            raise _Impossible("inputs_protected", f"{name} was hashed by the privacy policy")
        try:
            return opened(value, self._keys)
        except AiOpsError as error:
            reason = f"{name} was encrypted by the privacy policy ({error}; see {ENCRYPT_KEY})"
            raise _Impossible("inputs_protected", reason) from None

    def _score(self, model: LoadedModel, rows: Sequence[Mapping[str, Any]]) -> float:
        try:
            return float(_scores(model, rows)[0])
        except AiOpsError as error:
            reason = f"version {model.version} does not take what was logged: {error}"
            raise _Impossible("model_refuses", reason) from None

    def _in_batch(
        self,
        model: LoadedModel,
        inputs: Mapping[str, Any],
        batch: Sequence[Mapping[str, Any] | None],
    ) -> tuple[float, int] | None:
        """Its score among the rows of its request, and how many they were; None without them."""
        try:
            rows = [self._inputs(model, told) for told in batch]
            place = rows.index(dict(inputs))
            return float(_scores(model, rows)[place]), len(rows)
        except (_Impossible, AiOpsError, ValueError):
            return None  # not all of the request can be read: the prediction stands for itself


def _scores(model: LoadedModel, rows: Sequence[Mapping[str, Any]]) -> Any:
    """The scores of rows, encoded as the server encodes them: many as columns."""
    if len(rows) <= FEW_ROWS:
        return model.scores(rows)
    return model.scores({name: [row[name] for row in rows] for name in rows[0]})


def _kind(found: float, score: float) -> Kind:
    """How two scores compare.

    >>> _kind(0.25, 0.25), _kind(0.25, 0.25 + 1e-7), _kind(0.25, 0.26)
    ('exact', 'within_tolerance', 'score_differs')
    """
    if found == score:
        return "exact"
    return "within_tolerance" if abs(found - score) <= TOLERANCE else "score_differs"


def _became(status: str) -> str:
    return "was refused" if status == "refused" else status


def _reason(kind: Kind, score: float, found: float, rows: int, threshold: float) -> str:
    match kind:
        case "exact":
            return f"the same version gives the very same number, {found:.6g}"
        case "exact_in_its_batch":
            return f"the same version gives the very same number among the {rows} of its request"
        case "within_tolerance":
            return (
                f"the same version gives {found:.9g}, {abs(found - score):.1e} from the logged "
                f"{score:.9g}: float32 sums depend on how many rows are scored together"
            )
        case "decision_differs":
            return (
                f"the score is the same, {score:.6g}, but the logged decision does not follow from "
                f"the threshold that the feature's file declares now ({threshold:g})"
            )
        case _:
            return (
                f"the registered version gives {found:.6g}, logged was {score:.6g}: something else "
                "than these files answered, or from other inputs"
            )
