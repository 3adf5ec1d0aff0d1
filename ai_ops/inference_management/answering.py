"""From a body to an answer: check, score, log, and only then answer. No HTTP framework here."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client import Prediction, PredictionLog
from ai_ops.inference_management.answers import Answer, Answered, Waiting
from ai_ops.inference_management.predictor import Champion, Serving
from ai_ops.inference_management.requests import MAX_TEXT, Asked, RefusedInput, Requests
from ai_ops.storage.loaded_model import LoadedModel
from ai_ops.vocabulary.errors import BadInput, LogWriteFailed
from ai_ops.vocabulary.words import Mode, OnLogFailure, PredictionStatus

FEW_ROWS: Final = 8
_MOST_ERROR: Final = 1000
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request on its way: what serves it was read once, so every row has the same version."""

    serving: Serving
    mode: Mode
    request_id: str | None
    started: float


class Answering:
    """Answers requests for one AI feature. An answer leaves only after its record was written.

    With ``on_log_failure="refuse"`` a prediction that cannot be logged is not answered (503);
    with ``"count"`` it is answered, and ``log.failures`` counts it.
    """

    def __init__(
        self,
        feature: AiFeatureSpec,
        champion: Champion,
        log: PredictionLog,
        on_log_failure: OnLogFailure = "refuse",
    ) -> None:
        self.requests = Requests(feature)
        self._champion, self._log, self._on_log_failure = champion, log, on_log_failure
        self._columns = tuple(column.name for column in feature.inputs)
        self._score, self._decision = _answered_as(feature)
        self._threshold = feature.judged.threshold
        self._kept = feature.serving.shadow

    def single(self, body: bytes, request_id: str | None = None) -> Answer:
        """The answer to one prediction: ``{"id", "model_version", "outputs"}``."""
        return self._one(Waiting(body, request_id, time.perf_counter()))

    def together(self, waiting: Sequence[Waiting]) -> list[Answer]:
        """The answers to single predictions that arrived together: scored and logged as one.

        When any of them goes wrong, each is answered by itself, so that none pays for another.
        """
        serving = self._champion.serving
        if len(waiting) == 1 or serving.model is None:
            return [self._one(one) for one in waiting]
        begun = time.perf_counter()
        try:
            asked = [self.requests.single(one.body) for one in waiting]
            outputs = self.outputs(serving.model, asked)
        except Exception:  # told, and logged, to the one that caused it
            return [self._one(one) for one in waiting]
        ids = [one.id or uuid4().hex for one in asked]
        compute = _milliseconds(begun) / len(waiting)
        answers, records = [], []
        for one, row, id, output in zip(waiting, asked, ids, outputs, strict=True):
            ask = _Ask(serving, "sync", one.request_id, one.started)
            answers.append(self._told(ask, [row], [id], [output]))
            records += self._records(ask, [row], [id], "ok", outputs=[output], compute_ms=compute)
        unlogged = self._logged(records)
        return answers if unlogged is None else [unlogged] * len(waiting)

    def _one(self, waiting: Waiting) -> Answer:
        ask = _Ask(self._champion.serving, "sync", waiting.request_id, waiting.started)
        try:
            asked = (self.requests.single(waiting.body),)
        except RefusedInput as error:
            return self._refuse(ask, error)
        return self._answer(ask, asked)

    def batch(self, body: bytes, request_id: str | None = None) -> Answer:
        """The answers to a batch, in its order: ``{"model_version", "predictions": [...]}``."""
        request_id = request_id or uuid4().hex  # what ties the rows of one request together
        ask = _Ask(self._champion.serving, "batch", request_id, time.perf_counter())
        try:
            asked = self.requests.batch(body)
        except RefusedInput as error:
            return self._refuse(ask, error)
        return self._answer(ask, asked)

    def _answer(self, ask: _Ask, asked: Sequence[Asked]) -> Answer:
        ids = [one.id or uuid4().hex for one in asked]
        model = ask.serving.model
        if model is None:
            problem = ask.serving.problem or "no model is loaded"
            return self._fail(ask, asked, ids, 503, problem)
        try:
            outputs = self.outputs(model, asked)
        except BadInput as error:
            problems = [{"input": "inputs", "problem": str(error)}]
            return self._fail(ask, asked, ids, 422, problems, "refused")
        except (
            Exception
        ) as error:  # whatever a model does, the caller gets an answer, the log a row
            _logger.exception("version %s failed", ask.serving.version)
            return self._fail(ask, asked, ids, 500, f"the model failed: {error!r}")
        answer = self._told(ask, asked, ids, outputs)
        return self._logged(self._records(ask, asked, ids, "ok", outputs=outputs)) or answer

    def outputs(self, model: LoadedModel, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """What a model answers to each, by the names that the feature's outputs have."""
        rows = [one.inputs for one in asked]
        if len(rows) <= FEW_ROWS:
            scores = model.scores(rows)
        else:
            scores = model.scores({name: [row[name] for row in rows] for name in self._columns})
        return [
            {self._score: score, self._decision: score >= self._threshold}
            for score in scores.tolist()
        ]

    def _told(
        self,
        ask: _Ask,
        asked: Sequence[Asked],
        ids: Sequence[str],
        outputs: Sequence[Mapping[str, Any]],
    ) -> Answer:
        version = ask.serving.version
        kept: tuple[Answered, ...] = ()
        if self._kept:
            rows = zip(ids, asked, strict=True)
            kept = tuple(Answered(id, row, version, ask.mode, ask.request_id) for id, row in rows)
        answers = [
            {"id": id, "model_version": version, "outputs": output}
            for id, output in zip(ids, outputs, strict=True)
        ]
        if ask.mode == "sync":
            return Answer(200, msgspec.json.encode(answers[0]), kept)
        body = msgspec.json.encode({"model_version": version, "predictions": answers})
        return Answer(200, body, kept)

    def _fail(
        self,
        ask: _Ask,
        asked: Sequence[Asked],
        ids: Sequence[str],
        status: int,
        detail: Any,
        logged_as: PredictionStatus = "failed",
    ) -> Answer:
        error = detail if isinstance(detail, str) else detail[0]["problem"]
        records = self._records(ask, asked, ids, logged_as, error=error)
        return self._logged(records) or Answer(status, msgspec.json.encode({"detail": detail}))

    def _refuse(self, ask: _Ask, refused: RefusedInput) -> Answer:
        """Log every row asked for as refused, with what was sent, and name the mistakes."""
        # It stands in every row's record, and may quote what was sent.
        error = "; ".join(_line(problem) for problem in refused.problems[:10])[:_MOST_ERROR]
        latency = _milliseconds(ask.started) / len(refused.told)
        records = [
            Prediction(
                id=_text(row.get("id")) or uuid4().hex,
                model_version=ask.serving.version,
                input=row.get("inputs"),
                status="refused",
                error=error,
                latency_ms=latency,
                call_site=_text(row.get("call_site")),
                mode=ask.mode,
                tenant=_text(row.get("tenant")),
                subject=_text(row.get("subject")),
                request_id=ask.request_id,
            )
            for row in refused.told
        ]
        detail = msgspec.json.encode({"detail": refused.problems})
        return self._logged(records) or Answer(refused.status, detail)

    def _records(
        self,
        ask: _Ask,
        asked: Sequence[Asked],
        ids: Sequence[str],
        status: PredictionStatus,
        *,
        outputs: Sequence[Mapping[str, Any]] | None = None,
        error: str | None = None,
        compute_ms: float | None = None,
    ) -> list[Prediction]:
        latency = _milliseconds(ask.started)
        share = latency / len(asked) if compute_ms is None else compute_ms
        cost = {"compute_ms": round(share, 4)}
        return [
            Prediction(
                id=id,
                model_version=ask.serving.version,
                input=one.raw,
                output=outputs[place] if outputs else None,
                status=status,
                error=error,
                latency_ms=latency,
                call_site=one.call_site,
                mode=ask.mode,
                tenant=one.tenant,
                subject=one.subject,
                cost=cost,
                request_id=ask.request_id,
            )
            for place, (id, one) in enumerate(zip(ids, asked, strict=True))
        ]

    def _logged(self, records: Sequence[Prediction]) -> Answer | None:
        """Write the records; the answer to give instead when they could not be written.

        A log whose policy counts its failures raises nothing; it tells them in its heartbeats.
        """
        try:
            self._log.record_many(records)
        except LogWriteFailed as error:
            _logger.error("%s", error)
            if self._on_log_failure == "refuse":
                detail = "the prediction could not be logged, so it is not answered; try again"
                return Answer(503, msgspec.json.encode({"detail": detail}))
        return None


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 4)


def _line(problem: Mapping[str, Any]) -> str:
    row = f"row {problem['row']}: " if "row" in problem else ""
    return f"{row}{problem['input']}: {problem['problem']}"


def _text(value: Any) -> str | None:
    """A text that a request may hold: a longer one would stand in every record of its batch."""
    return value if isinstance(value, str) and 0 < len(value) <= MAX_TEXT else None


def _answered_as(feature: AiFeatureSpec) -> tuple[str, str]:
    """The outputs in which a score and a decision are answered."""
    score, decision = feature.judged.score, feature.judged.decision
    if score is None or decision is None:
        raise BadInput(
            f"{feature.name}: the server answers a probability and a decision; name both outputs "
            "in `judged`, or serve the model elsewhere (served_by: external)"
        )
    return score, decision
