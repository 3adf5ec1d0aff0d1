"""``ai-ops retrain``: train a candidate now and have the gate judge it."""

import os
from datetime import timedelta
from typing import Annotated, Final

import typer

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    BAD,
    DEFAULT_ROOT,
    DONE,
    FAILS,
    NO_EVIDENCE,
    FeatureArgument,
    RootOption,
    open_root,
    resolve_feature,
    told,
)
from ai_ops.cli.deciding import IDENTITY_VARIABLE, ReasonOption
from ai_ops.cli.retrain_from_failure import retrain_from_failure
from ai_ops.storage.decisions import refuse
from ai_ops.storage.retrainings import go_on, of_run, running
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import BadInput, MissingEvidence, RetrainingRefused
from ai_ops.vocabulary.failures import FailedRun, LikelyCause
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import GATE_CHECKS

_CODES: Final = {"MissingEvidence": NO_EVIDENCE, "BadInput": BAD}


@told
def retrain(
    feature: FeatureArgument,
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="With --from-failure: which run, if not the last."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Run it in this process and tell how it ended.")
    ] = False,
    from_failure: Annotated[
        bool,
        typer.Option("--from-failure", help="Go on from the step at which a retraining failed."),
    ] = False,
    reason: ReasonOption = None,
    incident: Annotated[
        str | None, typer.Option("--incident", metavar="ID", help="The incident it answers.")
    ] = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Train a candidate on what is known by now; the gate judges it, a person decides about it.

    Without --wait the run is put into the queue, where a running daemon finds it, and its id is
    printed. With it the command ends with 0 when the gate passed the candidate, with 1 when it
    refused it or the retraining failed, with 2 when what somebody wrote is wrong, with 3 when
    evidence was missing.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    if from_failure and (reason or incident):
        raise BadInput("--from-failure: it keeps its reason and its incident; leave them out")
    if run is not None and not from_failure:
        raise BadInput(f"{run}: a run is named together with --from-failure")
    _may_begin(opened, spec, incident, wait)
    if from_failure:
        ended_run = retrain_from_failure(opened, spec, run, wait=wait)
        if isinstance(ended_run, str):
            typer.echo(ended_run)
            return
        raise typer.Exit(ended(opened, spec, *ended_run))
    _labels_are_read(opened, spec)
    cause = reason or "asked for by hand"
    requested_by = os.environ.get(IDENTITY_VARIABLE, "")
    # Dagster takes seconds to import; the other commands must not wait for it.
    from ai_ops.cli.retrain_from_failure import waited
    from ai_ops.retraining_pipeline.jobs import retraining_config, retraining_job_name

    job = retraining_job_name(spec)
    config = retraining_config(spec, cause=cause, incident=incident, requested_by=requested_by)
    if wait:
        raise typer.Exit(ended(opened, spec, *waited(opened, spec, job, config)))
    from ai_ops.orchestration.submitting import submit

    typer.echo(submit(opened.folder, job, config))


def _may_begin(root: Root, spec: AiFeatureSpec, incident: str | None, wait: bool) -> None:
    """Say now what the run would fail of; in the queue a second one waits for the first."""
    standing = standing_of(root.ledger, spec.name)
    if spec.retraining.trainer is None:
        raise BadInput(f"{spec.name}: retraining.trainer: name the module that trains, in its file")
    if incident is not None and standing.incident(incident) is None:
        known = ", ".join(one.id for one in standing.incidents) or "none"
        raise BadInput(f"--incident: no such incident: {incident}; there are: {known}")
    go_on(root, spec)
    if wait and (other := running(standing, root.clock.now())):
        reason = f"retraining {other.id} is running since {other.at:%Y-%m-%d %H:%M}"
        refuse(root, spec, "retraining", [reason])
        raise RetrainingRefused(f"a retraining of {spec.name}", [reason])


def _labels_are_read(root: Root, spec: AiFeatureSpec) -> None:
    """Between midnight and the daily run the labels of yesterday are not read yet: a training set
    without them is not sound. Say what to wait for, instead of failing of it later."""
    now = root.clock.now()
    yesterday, before = (now.date() - timedelta(days=n) for n in (1, 2))
    if before < spec.monitoring.start:
        return
    days = root.lake.glob(f"{spec.name}/ground_truth/*.parquet")
    there = {path.rpartition("/")[2].removesuffix(".parquet") for path in days}
    if yesterday.isoformat() in there or before.isoformat() not in there:
        return  # a longer lack is no matter of the hour: the training set's check names the days
    from ai_ops.checklist.jobs import daily_job_name
    from ai_ops.orchestration.partitions import judged_at
    from ai_ops.vocabulary.windows import Window

    due = judged_at(Window.of_day(yesterday), "daily")
    when = f"reads them at {due:%H:%M} UTC" if now < due else f"was due at {due:%H:%M} UTC"
    raise MissingEvidence(
        f"{spec.name}: the labels of {yesterday} are not read yet: {daily_job_name(spec)} {when}; "
        f"wait for it, or run it for {yesterday}, then retrain again"
    )


def ended(root: Root, spec: AiFeatureSpec, run_id: str, failed: FailedRun | None) -> int:
    """Tell how the retraining of a run ended, by the ledger; the exit code that it stands for.

    ``failed`` is what the run's log tells, if it failed.
    """
    retraining = of_run(standing_of(root.ledger, spec.name), run_id)
    if retraining is None or "evaluated" not in retraining.stages:
        if failed is not None:
            from ai_ops.retraining_pipeline.failures import cause_of
            from ai_ops.retraining_pipeline.likely_causes import part_of

            cause = cause_of(root, spec, failed)
            typer.echo(f"{part_of(failed.step)}: {failed.step}: {failed.error}", err=True)
            typer.echo(f"likely cause: {cause.told}", err=True)
            typer.echo(f"run {run_id}: the retraining did not come to its evaluation", err=True)
            typer.echo(f"when it is mended: ai-ops retrain {spec.name} --from-failure", err=True)
            return _without_evaluation(root, spec, failed, cause)
        typer.echo(f"run {run_id}: the retraining did not come to its evaluation", err=True)
        return FAILS
    version = str(retraining.stages["evaluated"]["version"])
    verdicts = {item: _verdict(root, spec, item, version) for item in GATE_CHECKS}
    for item, verdict in verdicts.items():
        typer.echo(f"{item}: {verdict.status}: {verdict.reason}")
    statuses = {verdict.status for verdict in verdicts.values()}
    if statuses == {"pass"}:
        typer.echo(f"the gate passed version {version}: ai-ops approve {spec.name} takes it on")
        return DONE
    refused = "fail" in statuses
    which = "fail" if refused else "no_evidence"
    named = ", ".join(item for item, verdict in verdicts.items() if verdict.status == which)
    became = "refused" if refused else "could not judge"
    typer.echo(f"the gate {became} version {version}: {named}")
    return FAILS if refused else NO_EVIDENCE


def _without_evaluation(
    root: Root, spec: AiFeatureSpec, failed: FailedRun, cause: LikelyCause
) -> int:
    """Whether it failed or evidence was missing: by the error, or by the check that stopped it."""
    if cause.read_from.startswith("training_set_sound") and (
        judged := root.ledger.history(spec.name, "training_set_sound")
    ):
        verdict = judged[-1].verdict
        typer.echo(f"training_set_sound: {verdict.status}: {verdict.reason}", err=True)
        return NO_EVIDENCE if verdict.status == "no_evidence" else FAILS
    return _CODES.get(failed.errors[-1].kind, FAILS) if failed.errors else FAILS


def _verdict(root: Root, spec: AiFeatureSpec, item: str, version: str) -> Verdict:
    """The gate's last verdict on a version; none is no evidence."""
    own = [
        recorded.verdict
        for recorded in root.ledger.history(spec.name, item)
        if recorded.verdict.observed.get("version") == version
    ]
    return own[-1] if own else Verdict.lacking(f"{item} was not judged", "accuracy")
