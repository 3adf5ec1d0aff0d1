"""Which two versions a rollback drill uses, and the requests that tell them apart."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.drill_answers import Expected
from ai_ops.inference_management.encoded_columns import BooleanCode
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.storage.loaded_model import LoadedModel
from ai_ops.storage.standing import Move

TRIED: Final = 400
"""How many made-up rows both versions are asked, to find some on which they differ."""

KEPT: Final = 32
"""How many of these are sent in turn."""

SPREAD: Final = 1.5
"""How many standard deviations a made-up number lies from its mean at most."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The version to promote and the one to go back to, as production numbers them, and why."""

    candidate: str | None
    previous: str | None
    why: str


def pair_of(
    moves: Sequence[Move], rehearsed: str | None, registered: Sequence[str], baseline: str | None
) -> Pair:
    """The two versions that a rollback of production would be about.

    ``registered`` are the registry's versions, oldest first. After a rollback it is the version
    that was fled from, and the one that is live.

    >>> pair_of((), "2", ["1", "2"], None)
    Pair(candidate='2', previous='1', why='in rehearsal, and the baseline')
    """
    if not moves:
        words = "in rehearsal, and the baseline"
        return Pair(rehearsed, _known_from(baseline, rehearsed, registered), words)
    last = moves[-1]
    if last.kind == "rollback":
        return Pair(last.previous, last.version, "fled from, and brought back")
    if last.previous is not None:
        return Pair(last.version, last.previous, "live, and the one before")
    words = "live, and the baseline: none was live before"
    return Pair(last.version, _known_from(baseline, last.version, registered), words)


def telling(
    feature: AiFeatureSpec, previous: LoadedModel, candidate: LoadedModel
) -> tuple[Expected, ...]:
    """Requests on which the two versions surely differ, with what each answers; none if never."""
    rows = made_up(candidate.encoder, TRIED)
    asked = [
        Expected(msgspec.json.encode({"inputs": row}).decode(), before, after)
        for row, before, after in zip(
            rows, outputs(feature, previous, rows), outputs(feature, candidate, rows), strict=True
        )
    ]
    return tuple([one for one in asked if one.telling][:KEPT])


def outputs(
    feature: AiFeatureSpec, model: LoadedModel, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What a version answers to each row, by the names that the feature's outputs have."""
    score, decision = str(feature.judged.score), str(feature.judged.decision)
    return [
        {score: value, decision: value >= feature.judged.threshold}
        for value in model.scores(rows).tolist()
    ]


def made_up(encoder: TabularEncoder, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows within the ranges that a version has read: nobody's data, and always the same."""
    random_ = random.Random(seed)
    rows = []
    for _ in range(count):
        row: dict[str, Any] = {
            one.name: random_.choice(one.vocabulary or ("unseen",)) for one in encoder.categories
        }
        for one in encoder.numbers:
            if isinstance(one, BooleanCode):
                row[one.name] = random_.random() < 0.5
            else:
                row[one.name] = one.mean + one.std * random_.uniform(-SPREAD, SPREAD)
        rows.append(row)
    return rows


def _known_from(baseline: str | None, version: str | None, registered: Sequence[str]) -> str | None:
    """The baseline, else the registered version before one, else the next one."""
    if baseline is not None and baseline != version:
        return baseline
    others = [one for one in registered if one != version]
    earlier = others[: registered.index(version)] if version in registered else others
    return earlier[-1] if earlier else next(iter(others), None)
