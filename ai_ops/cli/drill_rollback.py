"""``ai-ops drill rollback``: the way back, tried outside production and signed by who tried it."""

from typing import Annotated

import typer

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    DONE,
    FAILS,
    NO_EVIDENCE,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    plain,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.cli.deciding import ByOption, TokenOption, decide, signer
from ai_ops.inference_management.checks import ROLLBACK_DRILL
from ai_ops.inference_management.rollback_drill import Hands
from ai_ops.inference_management.rollback_record import lines
from ai_ops.inference_management.rollback_reports import (
    ROLLBACK,
    compute_rollback_drill,
    content_of,
    latest,
)
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.orchestration.showing import show
from ai_ops.storage.decisions import sign_decision, verified
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import RecordedVerdict, as_data


@told
def rollback(
    feature: FeatureArgument,
    by: ByOption = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Run nothing: sign the drill that was run last.")
    ] = False,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Promote a candidate and roll it back, outside production and under twice the declared peak.

    Every command of docs/rollback.md is entered against a root of the drill's own, and every answer
    is looked at. What was seen is shown, and with --by signed by whoever ran it; without, it counts
    only once it is signed. It ends with 1 when the drill failed, with 3 when it shows nothing yet.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    if not spec.trained_here:
        raise BadInput(
            f"{spec.name}: somebody else serves the model: there is nothing to roll back"
        )
    if sign and token is None:
        signer(by)
    made = None
    if not sign and token is None:
        if by:  # minutes later it would be too late to say
            must_be_able_to_sign(opened, spec, by)
        made = compute_rollback_drill(opened, spec, Hands(tells=_tell))
    found, evidence = latest(opened, spec)
    if not as_json:
        typer.echo("\n".join(map(plain, lines(found))))
    if by or token:
        given = content_of(found, evidence)
        decide(opened, spec, "drill", given, by=by, token=token, quiet=as_json)
    verdict = judged(opened, spec, made)
    if as_json:
        print_json({"drill": found.as_data(), "verdict": as_data(verdict)})
    else:
        typer.echo(plain(f"{verdict.verdict.status}: {verdict.verdict.reason}"))
    codes = {"pass": DONE, "fail": FAILS}
    raise typer.Exit(codes.get(verdict.verdict.status, NO_EVIDENCE))


def judged(root: Root, feature: AiFeatureSpec, made: Summary | None = None) -> RecordedVerdict:
    """Judge the latest drill and record the verdict, as its check would; the UI shows it, with what
    was made."""
    moment = moment_now(root.clock.now())
    (verdict,) = judge_and_record(root, feature, [ROLLBACK_DRILL], [moment], run_id=None)
    show(root, feature, [ROLLBACK_DRILL], [verdict], made)
    return verdict


def must_be_able_to_sign(root: Root, feature: AiFeatureSpec, person: str) -> None:
    """``BadInput`` where the person has no key here, ``DecisionRefused`` where it may not sign."""
    trial = {"drill": ROLLBACK, "id": "none yet", "digest": "none yet"}
    token = sign_decision(root, feature, "drill", person, trial)
    verified(root, feature, token, standing_of(root.ledger, feature.name))


def _tell(words: str) -> None:
    typer.echo(words, err=True)
