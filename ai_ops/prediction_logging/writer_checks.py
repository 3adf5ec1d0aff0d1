"""The judgements of who logs: its presence, the witness beside it, and the rules it follows."""

from typing import get_args

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.completeness import Completeness
from ai_ops.prediction_logging.completeness_report import judge_known
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.prediction_logging.roster import Roster, judge_writers
from ai_ops.prediction_logging.unsampled import judge_sampling
from ai_ops.prediction_logging.witness import judge_witness
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import RootMode


def judge_writers_present(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Every declared writer was there on this day, in as many processes as declared.

    A writer that never started, too few of its processes, one that is silent for more than three
    heartbeats, a crash, a clock that was moved, a writer that nobody declared: each is named, with
    when it began.
    """
    roster = Roster.of(feature, root.clock.mode)

    def judge(known: Completeness) -> Verdict:
        window, as_of = moment.window, moment.as_of
        return judge_writers(known.incarnations, roster, window, as_of, known.began, known.machines)

    return judge_known(root, feature, moment, judge)


def judge_witness_agrees(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """A witness that shares nothing with the log counted no request more than was logged.

    Compared hour by hour, and by writer where the witness tells it.
    """
    source = feature.logging.witness
    allowed = source.missing_share if source else 0.0
    sometimes = {writer.name for writer in feature.logging.writers if not writer.always}

    def judge(known: Completeness) -> Verdict:
        return judge_witness(known, source is not None, allowed, moment.window, sometimes)

    return judge_known(root, feature, moment, judge)


def judge_log_unsampled(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Every prediction of this day was to be logged, by the policy that the YAML declares.

    A share that is logged, a prediction that was left out, and a policy that is not the YAML's
    fail this.
    """
    policies = {mode: policy_of(feature, mode).digest for mode in get_args(RootMode)}
    share = feature.logging.sampling

    def judge(known: Completeness) -> Verdict:
        return judge_sampling(known.incarnations, policies, share, moment.window)

    return judge_known(root, feature, moment, judge)
