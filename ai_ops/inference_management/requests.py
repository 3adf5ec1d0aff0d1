"""What a caller may send: checked against the AI feature's inputs, every mistake named."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictStr,
    TypeAdapter,
    ValidationError,
    create_model,
)

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.vocabulary.errors import BadInput

MAX_BATCH: Final = 10_000
MAX_TEXT: Final = 200
MAX_BODY: Final = 2**20
"""Bytes of one prediction; what is refused is logged as sent, so a body has to end somewhere."""
MAX_BATCH_BODY: Final = 16 * 2**20
"""Bytes of a batch: some 1600 for each of its rows."""

_TYPES: Final[Mapping[str, Any]] = {
    "number": StrictFloat,
    "category": StrictStr,
    "boolean": StrictBool,
}
_WORDS: Final[Mapping[str, str]] = {
    "missing": "missing; send it (null is allowed where the feature says nullable)",
    "extra_forbidden": "unknown; the feature declares no such input",
    "finite_number": "not a finite number",
}
_Short = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class Body(BaseModel):
    """What every body has in common: strict types, unknown keys and non-finite numbers refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """One prediction that was asked for: its inputs for the model, and as raw JSON for the log."""

    inputs: Mapping[str, Any]
    raw: msgspec.Raw
    id: str | None = None
    tenant: str | None = None
    call_site: str | None = None
    subject: str | None = None


class RefusedInput(BadInput):
    """A body that cannot be answered: one mistake an entry, with the row it stands in if any.

    ``told`` is what could be made of the body, for the log: one mapping a prediction asked for, a
    single one without inputs when it was too large. ``status`` is HTTP's word for it.
    """

    def __init__(
        self,
        problems: Sequence[Mapping[str, Any]],
        told: Sequence[Mapping[str, Any]],
        status: int = 422,
    ) -> None:
        super().__init__("; ".join(f"{p['input']}: {p['problem']}" for p in problems))
        self.problems = problems
        self.told = told
        self.status = status


class _Raw(msgspec.Struct):
    inputs: msgspec.Raw


class _RawBatch(msgspec.Struct):
    predictions: list[_Raw]


class Requests:
    """Reads the bodies of ``/predict`` and ``/predict/batch`` for one AI feature."""

    def __init__(self, feature: AiFeatureSpec) -> None:
        columns: dict[str, Any] = {
            column.name: (
                _TYPES[column.type] | None if column.nullable else _TYPES[column.type],
                Field(description=column.description or None),
            )
            for column in feature.inputs
        }
        inputs = create_model("Inputs", __base__=Body, **columns)
        self.single_model = create_model(
            "Prediction",
            __base__=Body,
            inputs=(inputs, ...),
            id=(_Short | None, None),
            tenant=(_Short | None, None),
            call_site=(_Short | None, None),
            subject=(_Short | None, None),
        )
        rows: Any = list[self.single_model]  # type: ignore[name-defined]
        self.batch_model = create_model(
            "Batch",
            __base__=Body,
            predictions=(rows, Field(min_length=1, max_length=MAX_BATCH)),
            call_site=(_Short | None, None),
        )
        self._single: TypeAdapter[Any] = TypeAdapter(self.single_model)
        self._batch: TypeAdapter[Any] = TypeAdapter(self.batch_model)
        self._raw = msgspec.json.Decoder(_Raw)
        self._raw_batch = msgspec.json.Decoder(_RawBatch)

    def single(self, body: bytes) -> Asked:
        """The prediction that a body asks for; ``RefusedInput`` names every mistake."""
        _bounded(body, MAX_BODY)
        try:
            return _asked(self._single.validate_json(body), self._raw.decode(body).inputs, None)
        except ValidationError as error:
            raise RefusedInput(self._problems(error), [_leniently(body)]) from None

    def batch(self, body: bytes) -> list[Asked]:
        """The predictions that a batch asks for; one mistake refuses the whole batch."""
        _bounded(body, MAX_BATCH_BODY)
        try:
            batch = self._batch.validate_json(body)
        except ValidationError as error:
            raise RefusedInput(self._problems(error), _rows(_leniently(body))) from None
        if repeated := _repeated(batch.predictions):
            raise RefusedInput(repeated, _rows(_leniently(body)))
        raws = self._raw_batch.decode(body).predictions
        return [
            _asked(one, raw.inputs, batch.call_site)
            for one, raw in zip(batch.predictions, raws, strict=True)
        ]

    def _problems(self, error: ValidationError) -> list[dict[str, Any]]:
        problems = []
        for mistake in error.errors(include_url=False, include_context=False):
            place = list(mistake["loc"])
            row = next((part for part in place if isinstance(part, int)), None)
            named = [str(part) for part in place if part != row and part != "predictions"]
            inner = named[1] if named[:1] == ["inputs"] and len(named) > 1 else None
            problem = {
                "input": inner or (named[0] if named else "body"),
                "problem": _words(mistake),
            }
            problems.append(problem if row is None else {"row": row, **problem})
        return problems


def _bounded(body: bytes, most: int) -> None:
    if len(body) > most:
        problem = {"input": "body", "problem": f"larger than {most} bytes; send less at once"}
        raise RefusedInput([problem], [{}], status=413)


def _rows(whole: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of a refused batch for the log, each with the call site that they share."""
    rows, shared = whole.get("predictions"), whole.get("call_site")
    if not isinstance(rows, list):
        return [whole]
    if len(rows) > MAX_BATCH:  # the problem says so; a record for each would fill the log
        return [{"call_site": shared}]
    told = [row for row in rows if isinstance(row, dict)]
    return [{**row, "call_site": row.get("call_site") or shared} for row in told] or [whole]


def _repeated(predictions: Sequence[Any]) -> list[dict[str, Any]]:
    """The rows whose id an earlier row of the batch has: their answers could not be told apart."""
    seen: set[str] = set()
    problems: list[dict[str, Any]] = []
    for row, one in enumerate(predictions):
        if one.id in seen:
            problems.append({"row": row, "input": "id", "problem": "stands twice in the batch"})
        elif one.id is not None:
            seen.add(one.id)
    return problems


def _words(mistake: Any) -> str:
    known = _WORDS.get(mistake["type"])
    return known if known else str(mistake["msg"]).removeprefix("Input ")


def _asked(one: Any, raw: msgspec.Raw, call_site: str | None) -> Asked:
    return Asked(
        inputs=one.inputs.__dict__,
        raw=raw,
        id=one.id,
        tenant=one.tenant,
        call_site=one.call_site or call_site,
        subject=one.subject,
    )


def _leniently(body: bytes) -> dict[str, Any]:
    """What was sent, for the log: NaN and the infinities as words, what is no JSON as text."""
    try:
        data = json.loads(body, parse_constant=str)
        json.dumps(data, ensure_ascii=False).encode()  # half a surrogate pair cannot be written
    except (ValueError, RecursionError):
        return {"inputs": body.decode("utf-8", errors="backslashreplace")}
    return data if isinstance(data, dict) else {"inputs": data}
