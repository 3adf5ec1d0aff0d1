"""What was made and judged without a run, told to the root's Dagster instance: the UI shows it."""

from collections.abc import Sequence

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.building import asset_key, metadata_of
from ai_ops.orchestration.judging import Check, evaluation_of
from ai_ops.orchestration.running import HOME, open_instance
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import RecordedVerdict


def show(
    root: Root,
    feature: AiFeatureSpec,
    checks: Sequence[Check],
    recorded: Sequence[RecordedVerdict],
    made: Summary | None = None,
) -> None:
    """Show verdicts of checks without partitions, and what was ``made`` of their asset; nothing
    where the root has no Dagster instance: what counts stands in the ledger."""
    if not (root.folder / HOME).is_dir():
        return
    events: list[dg.AssetMaterialization | dg.AssetCheckEvaluation] = []
    if made is not None:
        key = asset_key(feature, checks[0].asset)
        events.append(dg.AssetMaterialization(key, metadata=metadata_of(made)))
    known = {check.name: check for check in checks}
    events += [evaluation_of(feature, known[one.item], one) for one in recorded]
    with open_instance(root.folder) as instance:
        for event in events:
            instance.report_runless_asset_event(event)
