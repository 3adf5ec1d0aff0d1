"""``ai-ops cadence``: how often a model is worth retraining, and why."""

from pathlib import PurePosixPath
from typing import Any, Final

import typer

from ai_ops.accuracy_evaluation.cadence_judging import cadence_of, judge_cadence, numbers_of
from ai_ops.accuracy_evaluation.staleness import ASSET
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import is_made
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    plain,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Status

CODES: Final[dict[Status, int]] = {"pass": 0, "waived": 0, "fail": 1, "no_evidence": 3}


@told
def cadence(
    feature: FeatureArgument,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Tell how often a model is worth retraining, from its own versions, labels and alerts.

    Ends with 1 when the wait that its file declares is far from that, and with 3 when there is
    too little history to say.
    """
    spec = resolve_feature(feature)
    opened = open_root(root)
    moment = _newest(opened, spec)
    found = cadence_of(opened, spec, moment)
    verdict = judge_cadence(found.advice, spec.retraining, moment.window)
    if as_json:
        print_json(as_data(spec, moment, verdict, numbers_of(found.advice)))
    else:
        first, *more = verdict.reason.split("; ")
        typer.echo(plain(f"{spec.name}, by {moment.partition[:7]}: {first}"))
        for line in more:
            typer.echo(plain(f"  {line}"))
    if code := CODES[verdict.status]:
        raise typer.Exit(code)


def as_data(
    feature: AiFeatureSpec, moment: Moment, verdict: Verdict, numbers: dict[str, Any]
) -> dict[str, Any]:
    """What is printed as JSON: the verdict of the check ``cadence_advised``, and its numbers."""
    return {
        "feature": feature.name,
        "month": moment.partition,
        "as_of": moment.as_of.isoformat(),
        "status": verdict.status,
        "reason": verdict.reason,
        "declared_days": feature.retraining.wait_days,
        **numbers,
    }


def _newest(root: Root, feature: AiFeatureSpec) -> Moment:
    """The newest month of which the asset was materialised, as of now."""
    if not is_made(ASSET, feature):
        raise BadInput(f"{feature.name}: no model of it is trained here on labels that come")
    found = root.lake.glob(f"{feature.name}/{ASSET}/*.json")
    if not found:
        raise MissingEvidence(
            f"{feature.name}: no month of {ASSET} was materialised; run the monthly job"
        )
    month = PurePosixPath(found[-1]).stem
    return Moment(month, Window.of_month(month), root.clock.now())
