"""The check on slices."""

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.effects import EffectHistory
from ai_ops.drift_monitoring.judging import outdated
from ai_ops.drift_monitoring.references import live_reference
from ai_ops.drift_monitoring.slice_judgement import judge_slices
from ai_ops.drift_monitoring.slice_reporting import stored_slices
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict


def judge_slice_drift(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """No tenant, call site or version drifts by itself, each compared with its own weeks.

    What drifts in one of many moves the whole by less than its own weeks do. A slice without a
    history is named as not judged; where none can be judged there is no evidence.
    """
    reports = stored_slices(root, feature)
    report = reports.get(moment.partition)
    if report is None and not feature.trained_here:
        live_reference(root, feature, moment)  # says what is missing, if that is the reason
    gone = outdated(root, feature, moment, report.version, "drift") if report else None
    history = EffectHistory(moment.partition, feature.monitoring.start, reports)
    verdict = gone or judge_slices(history, reports, feature.drift)
    return verdict.with_evidence(*reports.evidence)
