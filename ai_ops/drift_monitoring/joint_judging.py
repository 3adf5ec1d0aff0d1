"""The check on pairs of columns."""

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.effects import EffectHistory
from ai_ops.drift_monitoring.joint_judgement import judge_joint
from ai_ops.drift_monitoring.joint_reporting import stored_pairs
from ai_ops.drift_monitoring.judging import outdated
from ai_ops.drift_monitoring.references import live_reference
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict


def judge_joint_drift(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Columns that went together in the training period still do: none is shuffled against the
    others, or joined to the wrong rows, and the score still follows its inputs.

    Such a fault leaves the distribution of every single column as it was.
    """
    reports = stored_pairs(root, feature)
    report = reports.get(moment.partition)
    if report is None and not feature.trained_here:
        live_reference(root, feature, moment)  # says what is missing, if that is the reason
    gone = outdated(root, feature, moment, report.version, "drift") if report else None
    history = EffectHistory(moment.partition, feature.monitoring.start, reports)
    verdict = gone or judge_joint(history, reports, feature.drift)
    return verdict.with_evidence(*reports.evidence)
