"""Words that real libraries leave of a failure, and the cause that is read from them."""

import linecache
import os
from collections.abc import Callable

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_ops.retraining_pipeline.likely_causes import likely_cause, part_of
from ai_ops.vocabulary.errors import BadInput, MissingEvidence, RegistryUnavailable
from ai_ops.vocabulary.failures import CauseKind, ErrorSaid, FailedRun, without_secrets
from ai_ops.vocabulary.verdicts import Finding, Verdict

TABLE = pa.table({"id": ["a"], "late_label": [True]})


def said_by(error: BaseException) -> ErrorSaid:
    """An error as Dagster hands it on."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        line = linecache.getline(code.co_filename, trace.tb_lineno).strip()
        frames.append(f'File "{code.co_filename}", line {trace.tb_lineno}, in f\n    {line}')
        trace = trace.tb_next
    return ErrorSaid(type(error).__name__, str(error), tuple(frames))


def failed(
    *errors: ErrorSaid, lines: tuple[str, ...] = (), step: str = "x__candidate_model"
) -> FailedRun:
    return FailedRun("run-1", "x__retraining", step, errors, lines)


def _full() -> None:
    with open("/dev/full", "w") as disk:
        disk.write("a" * 100_000)


def _refused() -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    socket.create_connection(("127.0.0.1", port))


@pytest.mark.requirement("PB-40", "PB-42")
@pytest.mark.parametrize(
    ("broken", "kind", "words"),
    [
        (lambda: TABLE["label"], "schema_change", "column label is not there"),
        (lambda: pd.DataFrame({"x": [1]})["temp"], "schema_change", "column temp is not there"),
        (lambda: pd.DataFrame({"x": [1]})[["temp"]], "schema_change", "column temp is not there"),
        (
            lambda: duckdb.sql("SELECT label FROM (SELECT 1 AS late_label)").fetchall(),
            "schema_change",
            "column label is not there; late_label, which is, may be it renamed",
        ),
        (lambda: pa.array(["warm"]).cast(pa.float64()), "schema_change", "another type"),
        (lambda: pd.Series(["warm"]).astype(float), "schema_change", "another type"),
        (_full, "resource", "disk or its quota is full"),
        (_refused, "resource", "did not answer"),
        (lambda: bytearray(1 << 62), "resource", "ran out of memory or was killed"),
        (lambda: os.environ["NO_SUCH_SECRET"], "configuration", "variable NO_SUCH_SECRET is not"),
        (lambda: __import__("no_such_module"), "configuration", "No module named"),
        (lambda: pq.read_table("no/such/file.parquet"), "evidence_missing", "no/such/file"),
    ],
)  # fmt: skip
def test_what_libraries_say_when_they_fail(
    broken: Callable[[], object], kind: CauseKind, words: str
) -> None:
    try:
        broken()
    except BaseException as error:
        cause = likely_cause(failed(said_by(error)))
    else:
        pytest.fail("it did not fail")
    assert (cause.kind, words in cause.words) == (kind, True), cause
    assert cause.mend and cause.read_from


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadInput("tiny: retraining.trainer: no module x; correct its name"), "configuration"),
        (BadInput("tiny: retraining.trainer: m: history has no column tenant"), "schema_change"),
        (BadInput("2021-03-05: column label is string, not bool (x)"), "schema_change"),
        (MissingEvidence("the log of 2021-03-04 is gone"), "evidence_missing"),
        (RegistryUnavailable("sqlite: the registry does not answer: x"), "resource"),
        (ValueError("n_splits=3 cannot be greater than the number of members"), "data_volume"),
        (PermissionError(13, "Permission denied"), "configuration"),
    ],
)
def test_what_ai_ops_says_when_it_fails(error: Exception, kind: CauseKind) -> None:
    assert likely_cause(failed(said_by(error))).kind == kind


@pytest.mark.requirement("PB-42")
@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("child process for step x was terminated by signal 9 (SIGKILL).", "resource"),
        ("the container ended: OOMKilled, exit code 137", "resource"),
        ("unexpectedly exited with code -15.", "resource"),
        ("Exceeded maximum runtime of 86400 seconds", "resource"),
        ("something else entirely", "unknown"),
    ],
)
def test_what_is_left_of_a_process_that_is_gone(line: str, kind: CauseKind) -> None:
    cause = likely_cause(failed(lines=("began", line)))
    assert cause.kind == kind
    assert line in cause.read_from


def test_an_exception_in_the_trainer_is_named_with_file_and_line_and_any_other_is_unknown() -> None:
    stack = ('File "/srv/team/trainers/tiny.py", line 41, in train\n    assert x > 0',)
    error = ErrorSaid("AssertionError", "x is negative", stack)
    cause = likely_cause(failed(error), trainer="team.trainers.tiny")
    assert cause.kind == "code" and "at team/trainers/tiny.py:41" in cause.words
    elsewhere = likely_cause(failed(error), trainer="team.trainers.large")
    assert elsewhere.kind == "unknown"
    assert elsewhere.read_from == "AssertionError: x is negative", "its words stand, nothing else"


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("volume", "data_volume"), ("completeness", "evidence_missing"), ("cost", "unknown")],
)
def test_a_training_set_that_was_stopped_is_told_by_its_verdict(
    kind: str, cause: CauseKind
) -> None:
    judged = Verdict.lacking("12 labelled rows", kind)  # type: ignore[arg-type]
    error = ErrorSaid("DagsterAssetCheckFailedError", "1 check failed")
    found = likely_cause(failed(error, step="x__training_set__latest_checks"), judged=judged)
    assert found.kind == cause and "12 labelled rows" in found.words
    assert Finding(kind, "no_evidence", "x")  # type: ignore[arg-type]


def test_what_changed_since_the_last_good_one_is_named_beside_the_cause() -> None:
    cause = likely_cause(failed(lines=("odd",)), changed=("the environment: torch 2.1 → 2.2",))
    assert cause.kind == "unknown", "a change is no proof"
    assert "since the last good retraining changed: the environment: torch 2.1" in cause.words


def test_steps_have_the_names_that_people_use_and_secrets_have_none() -> None:
    names = ("training_set__latest_checks", "candidate_model", "candidate_evaluation", "promote")
    parts = ["data pull", "training", "evaluation", "promotion"]
    assert [part_of(f"x__{name}") for name in names] == parts
    assert part_of("no step") == "no step"
    assert "hunter2" not in without_secrets("postgres://me:hunter2@db Password: hunter2")
