"""A registered version in memory, ready to answer."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.vocabulary.errors import AiOpsError, BadInput

Floats = npt.NDArray[np.float64]
ModelKind = Literal["score", "classes", "number"]
"""What a module answers to n rows: n probabilities, n x C of them, or n numbers."""

TOLERANCE: Final = 1e-6
"""How far a probability may lie from the logged one: what float32 sums differ by when they are
taken in another order, as they are in a batch of another size, is a tenth of it."""

SHARE: Final = 1e-5
"""The same of a number, which has no scale of its own: a share of the larger of the two."""

_WHOLE: Final = 1e-3
"""How far probabilities of float32 may add up from one."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a version answers, as it was registered: its kind, and the names of its classes."""

    kind: ModelKind = "score"
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind == "classes") != bool(self.classes):
            raise BadInput(f"kind {self.kind}: classes are named where classes are answered")
        if len(set(self.classes)) != len(self.classes):
            raise BadInput(f"classes: one stands there twice: {', '.join(self.classes)}")

    @property
    def params(self) -> dict[str, str]:
        """What is kept with the version; nothing of a probability, which most versions answer."""
        if self.kind == "score":
            return {}
        named = {"classes": json.dumps(self.classes)} if self.classes else {}
        return {"answers": self.kind} | named

    @classmethod
    def of(cls, params: Mapping[str, str]) -> "Answered":
        """What ``params`` kept.

        >>> Answered.of(Answered("classes", ("ant", "bee")).params).classes
        ('ant', 'bee')
        """
        kind: Any = params.get("answers", "score")
        return cls(kind, tuple(json.loads(params.get("classes", "[]"))))

    def checked(self, answer: npt.NDArray[Any], who: str) -> Floats:
        """A module's answer to n rows as [n], or [n, C]; ``AiOpsError`` where it is none."""
        found = answer.astype(np.float64)
        if self.kind == "classes":
            if found.ndim != 2 or found.shape[1] != len(self.classes):
                shape, count = found.shape, len(self.classes)
                raise AiOpsError(f"{who}: its answer {shape} has not {count} classes")
            whole = np.abs(found.sum(axis=1) - 1) <= _WHOLE  # NaN fails this too
            if not (whole & (found >= 0).all(axis=1)).all():
                raise AiOpsError(f"{who}: its answer is no probability of each class")
            return found
        found = found.reshape(-1)
        if self.kind == "number":
            if not np.isfinite(found).all():
                raise AiOpsError(f"{who}: its answer is no finite number")
        elif not ((found >= 0) & (found <= 1)).all():  # NaN fails this too
            raise AiOpsError(f"{who}: its answer is no probability")
        return found


SCORE: Final = Answered()
"""A probability: what is answered where nothing else is said."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """One version: its encoder, and the module that turns encoded rows into answers."""

    name: str
    version: str
    encoder: TabularEncoder
    module: Callable[..., Any]
    answered: Answered = SCORE

    def scores(
        self, rows: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]
    ) -> npt.NDArray[np.float64]:
        """A probability for each row, given as columns (many rows) or as mappings (a few) → [n].

        Raises ``BadInput`` for what the encoder refuses, ``AiOpsError`` when the model's answer is
        no probability.
        """
        if self.answered.kind != "score":
            raise BadInput(f"{self._who}: it answers no probability, but {self.answered.kind}")
        return self.answers(rows)

    def answers(self, rows: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]) -> Floats:
        """What is answered to each row, by the kind of the version: [n], or [n, C] of classes."""
        import torch

        encode = self.encoder.encode if isinstance(rows, Mapping) else self.encoder.encode_rows
        with torch.inference_mode():
            answer = self.module(torch.from_numpy(encode(rows)))  # type: ignore[arg-type]
        return self.answered.checked(answer.numpy(), self._who)

    @property
    def _who(self) -> str:
        return f"{self.name} version {self.version}"


def apart(logged: Floats, again: Floats, kind: ModelKind = "score") -> npt.NDArray[np.bool_]:
    """Where an answer is not the one that was logged, beyond what float32 explains.

    >>> apart(np.array([0.25, 0.25]), np.array([0.2500001, 0.26])).tolist()
    [False, True]
    """
    allowed: Any = TOLERANCE
    if kind == "number":
        allowed = TOLERANCE + SHARE * np.maximum(np.abs(logged), np.abs(again))
    differs: npt.NDArray[np.bool_] = ~(np.abs(logged - again) <= allowed)  # NaN differs
    return differs
