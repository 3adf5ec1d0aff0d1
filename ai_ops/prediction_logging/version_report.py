"""Which versions were live when: what the ledger and the registry tell a day's records by."""

from datetime import timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.answering_versions import Reign, judge_versions
from ai_ops.prediction_logging.compaction import LOG
from ai_ops.storage.in_force import live_version
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict

LOADING: Final = timedelta(minutes=1)
"""How long a server may take to fetch and load a version, beside the time between two looks."""

REPLAY_GRACE: Final = timedelta(hours=6)
"""The same on a replay's clock: it goes on by hours while a server polls by the wall's seconds."""


def judge_version_is_champion(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Every prediction of this day names the version that was live at its time.

    Which one that was, the ledger's launches, promotions and rollbacks tell; the time that a server
    needs to find and load a new version is allowed for. Before the launch it is the version in
    rehearsal, as far as the registry's alias tells it.
    """
    columns = ["time", "model_version", "status"]
    log, evidence = root.lake.read_table(
        root.lake.path(feature.name, LOG, moment.partition), columns
    )
    try:
        reigns = _reigns(root, feature, moment)
    except RegistryUnavailable as error:
        return Verdict.lacking(str(error), "version", window=moment.window)
    return judge_versions(log, reigns, grace_of(root, feature), moment.window).with_evidence(
        evidence
    )


def grace_of(root: Root, feature: AiFeatureSpec) -> timedelta:
    """How long after a move the version before it may still answer."""
    if root.clock.mode == "replay":
        return REPLAY_GRACE
    return timedelta(seconds=feature.serving.poll_seconds) + LOADING


def _reigns(root: Root, feature: AiFeatureSpec, moment: Moment) -> list[Reign]:
    """The versions that were live on a moment's day, as it knew them, in order."""
    moves = standing_of(root.ledger, feature.name, moment.as_of).moves
    made = [Reign(move.version, move.at) for move in moves if move.at < moment.window.end]
    earlier = [reign for reign in made if reign.since and reign.since <= moment.window.start]
    if earlier:
        # One move before the day's may still be within its grace.
        return made[max(len(earlier) - 2, 0) :]
    first = live_version(root, feature.name, moment.window.start, moment.as_of)
    return [Reign(first.version, None), *made] if first is not None else made
