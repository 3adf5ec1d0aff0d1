"""From a body to an answer: check, score, log, and only then answer. No HTTP framework here."""

import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client import Prediction, PredictionLog
from ai_ops.inference_management.answers import Answer, Answered, Ask, Failed, Scored, Waiting
from ai_ops.inference_management.predictor import Champion, Serving
from ai_ops.inference_management.requests import MAX_TEXT, Asked, RefusedInput, Requests
from ai_ops.storage.loaded_model import LoadedModel
from ai_ops.vocabulary.errors import BadInput, LogWriteFailed
from ai_ops.vocabulary.words import OnLogFailure

FEW_ROWS: Final = 8
TOO_LATE: Final = 504
_MOST_ERROR: Final = 1000
_logger = logging.getLogger(__name__)


class Answering:
    """Answers requests for one AI feature. An answer leaves only after its record was written.

    With ``on_log_failure="refuse"`` a prediction that cannot be logged is not answered (503);
    with ``"count"`` it is answered, and ``log.failures`` counts it. ``scored`` may be called in
    another thread than the rest.
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
        return self.together([Waiting(body, request_id, time.perf_counter())])[0]

    def batch(self, body: bytes, request_id: str | None = None) -> Answer:
        """The answers to a batch, in its order: ``{"model_version", "predictions": [...]}``."""
        return self.together([Waiting(body, request_id, time.perf_counter(), "batch")])[0]

    def together(self, waiting: Sequence[Waiting]) -> list[Answer]:
        """The answers to requests that arrived together: scored and logged as one.

        When any of them goes wrong, each is answered by itself, so that none pays for another.
        """
        return self.answered(self.scored(waiting))

    def scored(self, waiting: Sequence[Waiting]) -> list[Scored]:
        """What becomes of requests, all asked of the same version; nothing is logged yet."""
        serving = self._champion.serving
        read = [self._read(one, serving) for one in waiting]
        asked = [row for one in read for row in one.rows]
        if serving.model is None:
            failed = Failed(503, serving.problem or "no model is loaded")
            return [self._without(one, failed) for one in read]
        begun = time.perf_counter()
        try:
            outputs = iter(self.outputs(serving.model, asked) if asked else ())
        except Exception:  # told, and logged, to the one that caused it
            return [self._alone(one, serving.model) for one in read]
        compute = _milliseconds(begun) / (len(asked) or 1)
        return [one if one.refused else self._with(one, outputs, compute) for one in read]

    def answered(self, scored: Sequence[Scored]) -> list[Answer]:
        """Log what became of requests, and what to answer to each."""
        if any(one.refused or one.failed for one in scored):
            return [answer for one in scored for answer in self._logged_and_told([one])]
        return self._logged_and_told(scored)

    def late(self, waiting: Waiting, milliseconds: float) -> Answer:
        """The answer to a request whose time is over: its rows failed, whatever a model says."""
        read = self._read(waiting, self._champion.serving)
        failed = Failed(TOO_LATE, f"no answer within {milliseconds:g} ms; ask less at once")
        return self.answered([self._without(read, failed)])[0]

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

    def _read(self, waiting: Waiting, serving: Serving) -> Scored:
        batch = waiting.mode == "batch"
        # What ties the rows of one request together.
        request_id = waiting.request_id or (uuid4().hex if batch else None)
        ask = Ask(serving, waiting.mode, request_id, waiting.started)
        if waiting.refused:
            return Scored(ask, refused=waiting.refused)
        try:
            if batch:
                return Scored(ask, self.requests.batch(waiting.body))
            return Scored(ask, (self.requests.single(waiting.body),))
        except RefusedInput as error:
            return Scored(ask, refused=error)

    def _alone(self, read: Scored, model: LoadedModel) -> Scored:
        """What becomes of one request; whatever a model does, there is an answer and a record."""
        if read.refused:
            return read
        begun = time.perf_counter()
        try:
            outputs = self.outputs(model, read.rows)
        except BadInput as error:
            problems = [{"input": "inputs", "problem": str(error)}]
            return self._without(read, Failed(422, problems, "refused"), _milliseconds(begun))
        except Exception as error:
            _logger.exception("version %s failed", read.ask.serving.version)
            failed = Failed(500, f"the model failed: {error!r}")
            return self._without(read, failed, _milliseconds(begun))
        return self._with(read, iter(outputs), _milliseconds(begun) / len(read.rows))

    def _with(self, read: Scored, outputs: Iterable[Mapping[str, Any]], compute: float) -> Scored:
        own = [output for _, output in zip(read.rows, outputs, strict=False)]
        return Scored(read.ask, read.rows, own, compute_ms=compute)

    def _without(self, read: Scored, failed: Failed, compute: float = 0.0) -> Scored:
        if read.refused:
            return read
        return Scored(read.ask, read.rows, failed=failed, compute_ms=compute / len(read.rows))

    def _logged_and_told(self, scored: Sequence[Scored]) -> list[Answer]:
        answers: list[Answer] = []
        records: list[Prediction] = []
        for one in scored:
            if one.refused:
                records += _refused(one.ask, one.refused)
                detail = {"detail": one.refused.problems}
                answers.append(Answer(one.refused.status, msgspec.json.encode(detail)))
                continue
            new = _new_ids(len(one.rows))
            ids = [row.id or new_id for row, new_id in zip(one.rows, new, strict=True)]
            records += _records(one, ids)
            if one.failed:
                detail = {"detail": one.failed.detail}
                answers.append(Answer(one.failed.status, msgspec.json.encode(detail)))
            else:
                answers.append(self._told(one, ids))
        unlogged = self._logged(records)
        return answers if unlogged is None else [unlogged] * len(scored)

    def _told(self, scored: Scored, ids: Sequence[str]) -> Answer:
        ask, version = scored.ask, scored.ask.serving.version
        kept: tuple[Answered, ...] = ()
        if self._kept:
            rows = zip(ids, scored.rows, strict=True)
            kept = tuple(Answered(id, row, version, ask.mode, ask.request_id) for id, row in rows)
        answers = [
            {"id": id, "model_version": version, "outputs": output}
            for id, output in zip(ids, scored.outputs, strict=True)
        ]
        if ask.mode == "sync":
            return Answer(200, msgspec.json.encode(answers[0]), kept)
        body = msgspec.json.encode({"model_version": version, "predictions": answers})
        return Answer(200, body, kept)

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


def _new_ids(count: int) -> list[str]:
    """Random ids: of a batch all at once, for one by one they cost as much as its records.

    >>> ids = _new_ids(3)
    >>> len(set(ids)), {len(id) for id in ids}
    (3, {32})
    """
    drawn = os.urandom(16 * count).hex()
    return [drawn[at : at + 32] for at in range(0, len(drawn), 32)]


def _records(scored: Scored, ids: Sequence[str]) -> list[Prediction]:
    """A record for each row that was asked for."""
    ask, failed = scored.ask, scored.failed
    latency = _milliseconds(ask.started)
    cost = {"compute_ms": round(scored.compute_ms, 4)}
    return [
        Prediction(
            id=id,
            model_version=ask.serving.version,
            input=one.raw,
            output=None if failed else scored.outputs[place],
            status=failed.logged_as if failed else "ok",
            error=failed.error if failed else None,
            latency_ms=latency,
            call_site=one.call_site,
            mode=ask.mode,
            tenant=one.tenant,
            subject=one.subject,
            cost=cost,
            request_id=ask.request_id,
        )
        for place, (id, one) in enumerate(zip(ids, scored.rows, strict=True))
    ]


def _refused(ask: Ask, refused: RefusedInput) -> list[Prediction]:
    """Every row asked for, as refused, with what was sent and the mistakes by name."""
    # It stands in every row's record, and may quote what was sent.
    error = "; ".join(_line(problem) for problem in refused.problems[:10])[:_MOST_ERROR]
    latency = _milliseconds(ask.started) / len(refused.told)
    return [
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
