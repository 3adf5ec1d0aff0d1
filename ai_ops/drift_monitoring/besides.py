"""What is counted and reported beside single columns: pairs of them, and slices of the rows."""

from collections.abc import Sequence

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.joint_profiling import keep_pairs, profile_pairs
from ai_ops.drift_monitoring.joint_reporting import report_pairs
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.slice_learning import keep_slices
from ai_ops.drift_monitoring.slice_profiling import profile_slices
from ai_ops.drift_monitoring.slice_reporting import report_slices
from ai_ops.storage.root import Root


def keep_besides(root: Root, feature: AiFeatureSpec, reference: Reference, table: pa.Table) -> None:
    """What was normal beside single columns, from the table that a reference was made of."""
    keep_pairs(root, feature, reference, table)
    keep_slices(root, feature, reference, table)


def profile_besides(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Sequence[str]
) -> None:
    """Count beside single columns what the log of these days holds."""
    profile_pairs(root, feature, reference, days)
    profile_slices(root, feature, reference, days)


def report_besides(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Sequence[str]
) -> None:
    """Report on the windows that end with these days, beside single columns."""
    report_pairs(root, feature, reference, days)
    report_slices(root, feature, reference, days)
