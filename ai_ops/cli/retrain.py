"""``ai-ops retrain``: train a candidate now and have the gate judge it."""

import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
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
from ai_ops.storage.decisions import refuse
from ai_ops.storage.retrainings import go_on, of_run, record_failure, running
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import BadInput, RetrainingRefused
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import GATE_CHECKS


@told
def retrain(
    feature: FeatureArgument,
    wait: Annotated[
        bool, typer.Option("--wait", help="Run it in this process and tell how it ended.")
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
    refused it or the retraining failed, with 3 when evidence was missing.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    _may_begin(opened, spec, incident, wait)
    cause = reason or "asked for by hand"
    requested_by = os.environ.get(IDENTITY_VARIABLE, "")
    # Dagster takes seconds to import; the other commands must not wait for it.
    from ai_ops.retraining_pipeline.jobs import retraining_config, retraining_job_name

    job = retraining_job_name(spec)
    config = retraining_config(spec, cause=cause, incident=incident, requested_by=requested_by)
    if wait:
        raise typer.Exit(_waited(opened, spec, job, config))
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


def _waited(root: Root, spec: AiFeatureSpec, job: str, config: Mapping[str, Any]) -> int:
    from ai_ops.definitions import defs
    from ai_ops.orchestration.running import failures_of, open_runner

    with open_runner(root.folder, defs()) as runner:
        done = runner.run(job, config=config, raises=False)
        failures = failures_of(done)
    return ended(root, spec, done.run_id, failures)


def ended(
    root: Root, spec: AiFeatureSpec, run_id: str, failures: Sequence[tuple[str, str, str]]
) -> int:
    """Tell how the retraining of a run ended, by the ledger; the exit code that it stands for.

    ``failures`` are the steps that failed: name, the error's class, its words.
    """
    retraining = of_run(standing_of(root.ledger, spec.name), run_id)
    if retraining is None or "evaluated" not in retraining.stages:
        for step, error, words in failures:
            typer.echo(f"{step}: {error}: {words}", err=True)
            # The daemon's sensor does so too, where one runs: it is recorded once.
            record_failure(root, spec, run_id, step, f"{error}: {words}")
        typer.echo(f"run {run_id}: the retraining did not come to its evaluation", err=True)
        return _without_evaluation(root, spec, failures)
    version = str(retraining.stages["evaluated"]["version"])
    verdicts = {item: _verdict(root, spec, item, version) for item in GATE_CHECKS}
    for item, verdict in verdicts.items():
        typer.echo(f"{item}: {verdict.status}: {verdict.reason}")
    statuses = {verdict.status for verdict in verdicts.values()}
    if statuses == {"pass"}:
        typer.echo(f"the gate passed version {version}: ai-ops approve {spec.name} takes it on")
        return DONE
    return FAILS if "fail" in statuses else NO_EVIDENCE


def _without_evaluation(
    root: Root, spec: AiFeatureSpec, failures: Sequence[tuple[str, str, str]]
) -> int:
    """Whether it failed or evidence was missing: by the error, or by the check that stopped it."""
    errors = {error for _, error, _ in failures}
    if errors == {"DagsterAssetCheckFailedError"} and (
        judged := root.ledger.history(spec.name, "training_set_sound")
    ):
        verdict = judged[-1].verdict
        typer.echo(f"training_set_sound: {verdict.status}: {verdict.reason}", err=True)
        return NO_EVIDENCE if verdict.status == "no_evidence" else FAILS
    return NO_EVIDENCE if errors == {"MissingEvidence"} else FAILS


def _verdict(root: Root, spec: AiFeatureSpec, item: str, version: str) -> Verdict:
    """The gate's last verdict on a version; none is no evidence."""
    own = [
        recorded.verdict
        for recorded in root.ledger.history(spec.name, item)
        if recorded.verdict.observed.get("version") == version
    ]
    return own[-1] if own else Verdict.lacking(f"{item} was not judged", "accuracy")
