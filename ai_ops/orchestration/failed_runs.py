"""What Dagster's log of a failed run tells: the step, the chain of errors, the last lines."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import dagster as dg
from dagster._core.events.log import EventLogEntry
from dagster_shared.error import SerializableErrorInfo

from ai_ops.vocabulary.failures import SAID_AT_MOST, ErrorSaid, FailedRun, without_secrets

CAUSE_TAG: Final = "ai_ops/likely_cause"
"""The tag by which the list and the page of runs show why one failed."""

_LINES: Final = 20
_FRAMES: Final = 12
_TAG_AT_MOST: Final = 250
_WRAPPING: Final = ("DagsterExecutionStepExecutionError", "DagsterUserCodeProcessError")


def failed_run(instance: dg.DagsterInstance, run_id: str) -> FailedRun | None:
    """What a run that failed left; None when there is no such run, or it did not fail."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.status != dg.DagsterRunStatus.FAILURE:
        return None
    events = instance.all_logs(run_id)
    step, error = _failure(events)
    ops: Mapping[str, Mapping[str, Any]] = run.run_config.get("ops", {})  # type: ignore[assignment]
    return FailedRun(
        run_id=run_id,
        job=run.job_name,
        step=step or _unended(events) or "no step",
        errors=tuple(_chain(error)),
        lines=(*_written(instance, run_id, events), *_warnings(events))[-_LINES:],
        config=tuple((op, dict(values.get("config", {}))) for op, values in ops.items()),
    )


def show_cause(instance: dg.DagsterInstance, run_id: str, told: str) -> None:
    """Show a likely cause where the run is looked at: as its tag, and in its log."""
    run = instance.get_run_by_id(run_id)
    if run is None or CAUSE_TAG in run.tags:
        return
    instance.add_run_tags(run_id, {CAUSE_TAG: told[:_TAG_AT_MOST]})
    instance.report_engine_event(f"likely cause: {told}", run)


def _failure(events: Sequence[EventLogEntry]) -> tuple[str | None, SerializableErrorInfo | None]:
    """The first step that failed with an error of its own, or else the failure of the run."""
    of_run = None
    for entry in events:
        event = entry.dagster_event
        if event is None:
            continue
        if event.is_step_failure and event.step_failure_data.error is not None:
            return event.step_key, event.step_failure_data.error
        if event.is_run_failure and event.event_specific_data is not None:
            of_run = event.job_failure_data.error
    return None, of_run


def _unended(events: Sequence[EventLogEntry]) -> str | None:
    """The step that had begun when the run's process went, or that it had not got to yet."""
    begun: dict[str, bool] = {}
    for entry in events:
        event = entry.dagster_event
        if event is not None and event.step_key is not None:
            if event.is_step_start:
                begun[event.step_key] = True
            elif event.is_step_success or event.is_step_failure or event.is_step_skipped:
                begun.pop(event.step_key, None)
    return next(iter(begun), None)


def _chain(error: SerializableErrorInfo | None) -> Iterator[ErrorSaid]:
    """The errors from the outermost to the one that began it, without Dagster's wrapping."""
    while error is not None:
        kind = str(error.cls_name)
        if kind not in _WRAPPING or error.cause is None:
            stack = tuple(frame.strip() for frame in error.stack[-_FRAMES:])
            yield ErrorSaid(kind, without_secrets(_words(error, kind))[:SAID_AT_MOST], stack)
        error = error.cause


def _words(error: SerializableErrorInfo, kind: str) -> str:
    said = error.message.strip()
    before, colon, words = said.partition(": ")
    return words.strip() if colon and before.split(".")[-1] == kind else said


def _warnings(events: Sequence[EventLogEntry]) -> Iterator[str]:
    """What was logged as a warning or an error, but that a step was not executed for another's."""
    for entry in events:
        said = (entry.dagster_event.message if entry.dagster_event else entry.user_message) or ""
        if int(entry.level) >= logging.WARNING and not said.startswith("Dependencies for step"):
            yield without_secrets(said)[:SAID_AT_MOST]


def _written(
    instance: dg.DagsterInstance, run_id: str, events: Sequence[EventLogEntry]
) -> Iterator[str]:
    """The end of what its processes wrote to stderr, where Dagster kept it."""
    for entry in events:
        event = entry.dagster_event
        if event is None or event.event_type != dg.DagsterEventType.LOGS_CAPTURED:
            continue
        key = instance.compute_log_manager.build_log_key_for_run(
            run_id, event.logs_captured_data.file_key
        )
        kept = instance.compute_log_manager.get_log_data(key).stderr
        for line in (kept or b"").decode(errors="replace").splitlines()[-_LINES:]:
            if line.strip():
                yield without_secrets(line.strip())[:SAID_AT_MOST]
