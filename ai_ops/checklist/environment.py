"""Whether a model was trained with the packages that whoever runs the machines put in force."""

from collections.abc import Iterator, Sequence

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.answers import Answer
from ai_ops.checklist.tries import Try
from ai_ops.storage.standing import EnvironmentLock, Retraining, Standing


def unlocked(feature: AiFeatureSpec, standing: Standing, tries: Sequence[Try]) -> Iterator[Answer]:
    """What is wrong with the packages of the last retraining and of the one in production.

    Asked of what began after the first lock only: before, there was nothing to be held against. A
    later lock on what it ran with puts it right.
    """
    looked_at = {
        one.retraining.id: one.retraining
        for one in tries
        if one is tries[-1] or one.version == standing.live
    }
    for one in looked_at.values():
        locks = [lock for lock in standing.environment_locks if lock.at <= one.at]
        if locks and (words := _wrong(feature, one, locks[-1], standing.environment_locks[-1])):
            yield words


def _wrong(
    feature: AiFeatureSpec, one: Retraining, then: EnvironmentLock, now: EnvironmentLock
) -> Answer | None:
    ran = environment_of(one)
    ask = f"ai-ops environment show {feature.name}"
    if ran is None:
        if not one.stages.keys() & {"started", "resumed", "evaluated"}:
            return None  # it did not begin yet
        return Answer("no_evidence", f"nothing says which packages retraining {one.id} ran with")
    if ran in (then.digest, now.digest):
        return None
    return Answer(
        "fail",
        f"retraining {one.id} ran with packages {ran}, {now.by} locked {now.digest} on "
        f"{now.at:%Y-%m-%d}: {ask}",
    )


def environment_of(one: Retraining) -> str | None:
    """The digest of the packages that a retraining ran with last, or None."""
    for stage in ("evaluated", "resumed", "started"):
        found = one.stages.get(stage, {}).get("made_with", {}).get("environment")
        if found:
            return str(found)
    return None
