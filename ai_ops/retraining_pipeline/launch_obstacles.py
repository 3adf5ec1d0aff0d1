"""What stands between a feature and its launch: read from ledger and registry, in words."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.earned import wrong_signature
from ai_ops.retraining_pipeline.elsewhere import of_others
from ai_ops.retraining_pipeline.obstacles import (
    broken_chain,
    edited,
    other_criteria,
    unapproved,
    unregistered,
    void_words,
)
from ai_ops.storage.believed import believed
from ai_ops.storage.registry import REHEARSAL
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.errors import AiOpsError
from ai_ops.vocabulary.words import PRE_LAUNCH_ITEMS

LIST_ASSET: Final = "pre_launch_checklist"
LIST_LIFE: Final = timedelta(hours=24)
"""How long an item of the pre-launch checklist holds."""


def of_launch(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> tuple[str, ...]:
    """Everything that forbids to launch a feature with a version now; empty when nothing does."""
    return of_others(feature) or tuple(_of_launch(root, feature, version, standing))


def _of_launch(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> Iterator[str]:
    told = standing
    standing, void = believed(root, feature)
    if standing.launched is not None:
        launched = standing.launched
        yield f"{feature.name} was launched on {launched.at:%Y-%m-%d} with {launched.version}"
    if standing.gate is None:
        yield "no criteria are frozen: freeze them before the launch"
    yield from other_criteria(feature, standing)
    yield from unapproved(root, feature, version, standing)
    yield from _unlisted(root, feature, standing)
    yield from _unrehearsed(root, feature, version)
    for hold in standing.holds:
        yield f"held by {hold.by} since {hold.since:%Y-%m-%d %H:%M}: {hold.reason}"
    yield from void_words(told, standing, void)
    yield from unregistered(root, feature, version)
    yield from edited(root, feature, version)
    yield from broken_chain(root)


def _unlisted(root: Root, feature: AiFeatureSpec, standing: Standing) -> Iterator[str]:
    """The items of the pre-launch checklist that neither pass nor are waived."""
    now = root.clock.now()
    known = {
        verdict.item: verdict
        for verdict in root.ledger.verdicts(
            feature.name, items=PRE_LAUNCH_ITEMS, assets=(LIST_ASSET,)
        )
    }
    for item in PRE_LAUNCH_ITEMS:
        if item not in known:
            yield f"{item}: never judged; materialise {LIST_ASSET}"
            continue
        recorded, verdict = known[item], known[item].verdict
        if not verdict.passed:
            yield f"{item}: {verdict.status}: {verdict.reason}"
        elif now - recorded.as_of > LIST_LIFE:
            yield f"{item}: judged at {recorded.as_of:%Y-%m-%d %H:%M}, more than a day ago"
        elif verdict.status == "waived" and (wrong := _unwaived(root, feature, item, standing)):
            yield f"{item}: {wrong}"


def _unwaived(root: Root, feature: AiFeatureSpec, item: str, standing: Standing) -> str | None:
    """Why no signed waiver excuses an item today, or None when one does."""
    today = root.clock.now().date().isoformat()
    found = [
        event
        for event in root.ledger.events(feature.name, kinds=["waiver"])
        if event.payload.get("item") == item and event.payload.get("until", "") >= today
    ]
    if not found:
        return "waived, and no waiver of it holds today"
    wrong = [wrong_signature(root, feature, event, standing) for event in found]
    return None if None in wrong else f"its waiver does not hold: {wrong[-1]}"


def _unrehearsed(root: Root, feature: AiFeatureSpec, version: str) -> tuple[str, ...]:
    """Why the checklist says nothing of a version: it was judged while another one answered, or
    nobody can tell any more which one did."""
    try:
        rehearsed = root.registry.alias(feature.name, REHEARSAL)
    except AiOpsError:
        return ()  # a registry that does not answer is named with the version
    if rehearsed == version:
        return ()
    if rehearsed is None:
        found = f"no version has the alias {REHEARSAL}; set it as the training of the first version"
        found += f" does, and rehearse it: ai-ops serve {feature.name} --rehearsal"
    else:
        found = f"in rehearsal is version {rehearsed}"
    return (f"version {version} was not rehearsed: {found}",)
