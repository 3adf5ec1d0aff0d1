"""What is made and judged of a feature, and what cannot be: told by its YAML alone.

What does not apply is not defined, and the items that would read it say why: a check that cannot
exist is never "not judged yet".
"""

from collections.abc import Callable, Mapping
from typing import Final

from ai_ops.ai_features.schema import AiFeatureSpec

Applies = Callable[[AiFeatureSpec], bool]


def _logged_here(feature: AiFeatureSpec) -> bool:
    return feature.source is None


def _trained_here(feature: AiFeatureSpec) -> bool:
    return feature.trained_here


def _trained_elsewhere(feature: AiFeatureSpec) -> bool:
    return not feature.trained_here


def _labelled(feature: AiFeatureSpec) -> bool:
    return feature.labelled


def _trained_here_and_labelled(feature: AiFeatureSpec) -> bool:
    return feature.trained_here and feature.labelled


def _label_times_told(feature: AiFeatureSpec) -> bool:
    """Whether somebody says when a label became known; else it is declared, not observed."""
    if not feature.labelled:
        return False
    if feature.ground_truth.labels is not None:
        return feature.ground_truth.available_at_column is not None
    return feature.source is not None and feature.source.columns.available_at is not None


def _asked_again(feature: AiFeatureSpec) -> bool:
    """Whether the log holds what a version of the team's own was asked, as it was asked."""
    rules = feature.privacy.fields
    kept = all(rules.get(column.name, "keep") == "keep" for column in feature.inputs)
    return feature.trained_here and kept


def _shadowed(feature: AiFeatureSpec) -> bool:
    return feature.trained_here and feature.serving.shadow


def _acted_on(feature: AiFeatureSpec) -> bool:
    return feature.user_actions is not None


def _several_columns(feature: AiFeatureSpec) -> bool:
    """Whether there is more than one column: a single one goes with nothing."""
    return len(feature.inputs) + len(feature.outputs) > 1


def _sliced(feature: AiFeatureSpec) -> bool:
    """Whether drift is asked of slices of the rows."""
    return bool(feature.drift.slices)


def _invoiced(feature: AiFeatureSpec) -> bool:
    """Whether somebody gives the bill to hold the costs against."""
    return feature.costs.invoice is not None


def _witnessed(feature: AiFeatureSpec) -> bool:
    return feature.source is None or feature.logging.witness is not None


_ASSETS: Final[Mapping[str, Applies]] = {
    "user_actions": _acted_on,
    "ground_truth": _labelled,
    "label_arrival": _label_times_told,
    "evaluation_run": _labelled,
    "labelled_evaluation_set": _labelled,
    "reference_set": _trained_elsewhere,
    "challenger_log": _shadowed,
    "challenger_report": _shadowed,
    "model_versions": _trained_here,
    "rollback_drill": _trained_here,
    "version_evaluation": _trained_here_and_labelled,
    "training_set": _trained_here_and_labelled,
    "candidate_model": _trained_here_and_labelled,
    "candidate_evaluation": _trained_here_and_labelled,
    "retraining_cadence": _trained_here_and_labelled,
}
_CHECKS: Final[Mapping[str, Applies]] = {
    "writers_alive": _logged_here,
    "writers_present": _logged_here,
    "log_unsampled": _logged_here,
    "witness_agrees": _witnessed,
    "user_actions_present": _acted_on,
    "version_is_champion": _trained_here,
    "accuracy": _labelled,
    "scores_reproduced": _asked_again,
    "joint_drift": _several_columns,
    "slice_drift": _sliced,
    "cost_reconciled": _invoiced,
}


def is_made(asset: str, feature: AiFeatureSpec) -> bool:
    """Whether a feature has an asset of that name."""
    applies = _ASSETS.get(asset)
    return applies is None or applies(feature)


def is_judged(check: str, feature: AiFeatureSpec) -> bool:
    """Whether a feature has a check of that name, if it has the asset that it is about."""
    applies = _CHECKS.get(check)
    return applies is None or applies(feature)


def judged_of(checks: tuple[str, ...], feature: AiFeatureSpec) -> tuple[str, ...]:
    """Those of the checks that the feature has, in order."""
    return tuple(check for check in checks if is_judged(check, feature))
