"""Every way round the gate that we know of: refused, recorded as refused, production unchanged.

Each way is gone through the real ledger, registry and keys; where it takes processes, through real
ones. Whoever can write to the ledger's database appends rows as this project does, but signs none.
"""

import multiprocessing
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from ai_ops.accuracy_evaluation.candidates import compute_candidate_evaluation
from ai_ops.component import CHECKS, definitions_of
from ai_ops.inference_management.explained import explained_by
from ai_ops.inference_management.predictor import Champion
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.orchestration.running import Runner, failures_of
from ai_ops.retraining_pipeline.jobs import promotion_config, promotion_job_name
from ai_ops.retraining_pipeline.promotion import launch, obstacles, promote, rollback
from ai_ops.retraining_pipeline.triggers import due_promotion
from ai_ops.retraining_pipeline.versions import compute_model_versions
from ai_ops.storage.decisions import read_token, record
from ai_ops.storage.registry import CHAMPION
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import DecisionRefused, PromotionRefused
from ai_ops.vocabulary.words import GATE_CHECKS, EventKind
from ai_ops_tests.faults.promoter import STEPS, promote_until, promote_when_told
from ai_ops_tests.inference_management.serving_world import NAME
from ai_ops_tests.retraining_pipeline.moving import (
    back_token,
    candidate,
    edit,
    launch_token,
    refused_promotion,
)
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    BACKEND,
    BEGIN,
    DEVOPS,
    FEATURE,
    GATE,
    NOW,
    SCIENTIST,
    STRANGER,
    approved,
    champion,
    copied_root,
    decided,
    gate_passed,
    happened,
    incident,
    judged,
    last_refusal,
    later,
    launched,
    ready_to_launch,
    registered,
    root_with,
    standing,
    token_of,
    write_labels,
    write_log,
)
from ai_ops_tests.retraining_pipeline.tiny_trainer import rows_of

pytestmark = pytest.mark.requirement("PB-15", "PB-34", "PB-35", "OW-06", "OW-07")

Plant = Callable[[Root], object]
APPROVED = {"version": "2", "gate_hash": GATE["hash"], "reason": "fine"}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registered(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def launched_once(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = root_with(versions, tmp_path_factory.mktemp("ways") / "root")
    launched(root)
    return root


@pytest.fixture
def live(launched_once: Root, tmp_path: Path) -> Root:
    """Launched with version 1; versions 2 and 3 are registered."""
    return copied_root(launched_once, tmp_path / "root")


def planted(root: Root, kind: EventKind, token: str, by: str, **content: Any) -> None:
    """A row with a token that was signed, appended by somebody who has the database."""
    happened(root, kind, **content, by=by, nonce=read_token(token).nonce, token=token)


def forged(root: Root, kind: EventKind, by: str, **content: Any) -> None:
    """A row in somebody's name that nobody signed."""
    happened(root, kind, **content, by=by, nonce="0", token="nothing that was signed")


# What is appended to the ledger in somebody's name


def unsigned_approval(root: Root) -> None:
    gate_passed(root, "2", "1")
    forged(root, "approval", SCIENTIST, **APPROVED)


def approval_without_the_role(root: Root) -> None:
    gate_passed(root, "2", "1")
    token = token_of(root, "approval", DEVOPS, **APPROVED)
    planted(root, "approval", token, DEVOPS, **APPROVED)


def approval_of_another_version(root: Root) -> None:
    gate_passed(root, "2", "1")
    token = token_of(root, "approval", SCIENTIST, **APPROVED | {"version": "3"})
    planted(root, "approval", token, SCIENTIST, **APPROVED)


def used_approval(root: Root) -> None:
    candidate(root)
    promote(root, FEATURE, "2")
    rollback(root, FEATURE, back_token(root))


def replayed_approval(root: Root) -> None:
    used_approval(root)
    happened(root, "approval", **root.ledger.events(NAME, kinds=["approval"])[-1].payload)


def verdicts_on_another_version(root: Root) -> None:
    gate_passed(root, "3", "1")
    approved(root, "2")


def held(root: Root) -> None:
    candidate(root)
    decided(root, "hold", DEVOPS, reason="the labels look odd")


def unsigned_release(root: Root) -> None:
    held(root)
    forged(root, "release", SCIENTIST, reason="go on")


def release_without_the_role(root: Root) -> None:
    held(root)
    token = token_of(root, "release", DEVOPS, reason="go on")
    planted(root, "release", token, DEVOPS, reason="go on")


def replayed_release(root: Root) -> None:
    held(root)
    event = decided(root, "release", SCIENTIST, reason="go on")
    decided(root, "hold", DEVOPS, reason="once more")
    happened(root, "release", **event.payload)


def release_signed_before_the_hold(root: Root) -> None:
    candidate(root)
    token = token_of(root, "release", SCIENTIST, reason="go on")
    later(root, minutes=1)
    decided(root, "hold", DEVOPS, reason="the labels look odd")
    planted(root, "release", token, SCIENTIST, reason="go on")


def unsigned_conclusion(root: Root) -> None:
    candidate(root)
    said = {"incident": incident(root), "conclusion": "false_alarm", "note": ""}
    forged(root, "incident_concluded", SCIENTIST, **said)


def conclusion_without_the_role(root: Root) -> None:
    candidate(root)
    said = {"incident": incident(root), "conclusion": "false_alarm", "note": ""}
    token = token_of(root, "incident_concluded", DEVOPS, **said)
    planted(root, "incident_concluded", token, DEVOPS, **said)


def bad_data(root: Root) -> str:
    candidate(root)
    id = incident(root)
    said = {"incident": id, "conclusion": "bad_data", "note": "a sensor broke"}
    decided(root, "incident_concluded", SCIENTIST, **said)
    return id


def unsigned_resolution(root: Root) -> None:
    forged(root, "incident_resolved", SCIENTIST, incident=bad_data(root), note="mended")


def resolution_by_no_machine(root: Root) -> None:
    happened(root, "incident_resolved", incident=bad_data(root), note="passes", by="ai_ops")


def resolution_that_nobody_concluded(root: Root) -> None:
    candidate(root)
    happened(root, "incident_resolved", incident=incident(root), note="passes", by="ai_ops")


def looser() -> dict[str, Any]:
    gate = FEATURE.gate.model_copy(update={"auc_drop": 0.5})
    return {"gate": gate.model_dump(mode="json"), "hash": gate.digest, "reason": "it is fine"}


def unsigned_amendment(root: Root) -> None:
    forged(root, "gate_amendment", SCIENTIST, **looser())
    gate_passed(root, "2", "1", gate_hash=looser()["hash"])
    approved(root, "2")


def promotion_that_nobody_made(root: Root, version: str = "2") -> None:
    place = standing(root).approvals[version].place if version == "2" else (1, 0)
    said = {"version": version, "previous": "1", "metrics": {}, "approved_by": SCIENTIST}
    happened(root, "promotion", **said, approval=list(place))


def promotion_row_during_a_hold(root: Root) -> None:
    held(root)
    promotion_that_nobody_made(root)


def promotion_row_after_a_failed_gate(root: Root) -> None:
    candidate(root)
    gate_passed(root, "2", "1", gate_improvement="fail")
    promotion_that_nobody_made(root)


def promotion_row_of_another_version(root: Root) -> None:
    candidate(root)
    promotion_that_nobody_made(root, "3")


# What is changed in the books


def edited_approval(root: Root) -> None:
    gate_passed(root, "2", "1")
    approved(root, "3")
    where = "WHERE kind = 'approval'"
    text = """'"version":"3"', '"version":"2"'"""
    edit(root, f"UPDATE events SET payload = replace(payload, {text}) {where}")


def failed_gate(root: Root) -> None:
    gate_passed(root, "2", "1", gate_improvement="fail")
    approved(root, "2")


TO_PASS = """UPDATE events SET payload = replace(payload, '"status":"fail"', '"status":"pass"')
 WHERE kind = 'verdict'"""


def edited_verdict(root: Root) -> None:
    failed_gate(root)
    edit(root, TO_PASS)


def recomputed_chain(root: Root) -> None:
    failed_gate(root)
    edit(root, TO_PASS, recompute=True)


def metric_that_is_no_number(root: Root) -> None:
    candidate(root)
    with sqlite3.connect(root.folder / "mlflow" / "mlflow.db") as connection:
        connection.execute(
            "UPDATE logged_model_metrics SET metric_value = 9e999 WHERE metric_value > 0.7"
        )


REFUSED: dict[str, tuple[Plant, str]] = {
    "a forged approval": (unsigned_approval, "does not hold: not a signed decision"),
    "an approver without the role": (
        approval_without_the_role,
        "devops@example.com may not decide on approval",
    ),
    "an approval of another version": (
        approval_of_another_version,
        "says something else than what was signed",
    ),
    "an approval that was used": (used_approval, "was used by the promotion"),
    "a replayed approval": (replayed_approval, "its signature stands in the ledger twice"),
    "verdicts on another version": (verdicts_on_another_version, "version 2 was never judged"),
    "during a hold": (held, "held by devops@example.com"),
    "a forged release": (unsigned_release, "the release in block"),
    "a release without the role": (release_without_the_role, "may not decide on release"),
    "a replayed release": (replayed_release, "its signature stands in the ledger before"),
    "a release of before the hold": (release_signed_before_the_hold, "after this was signed"),
    "a forged conclusion": (unsigned_conclusion, "is concluded by nobody"),
    "a conclusion without the role": (conclusion_without_the_role, "may not decide on incident"),
    "a forged resolution": (unsigned_resolution, "concluded as bad_data and is not resolved"),
    "a machine's resolution without evidence": (
        resolution_by_no_machine,
        "no evidence since 2021-03-10 09:00 says that input_drift is well",
    ),
    "a machine's resolution that nobody concluded": (
        resolution_that_nobody_concluded,
        "nobody had concluded what it was",
    ),
    "a forged amendment": (unsigned_amendment, "the gate_amendment in block"),
    "a promotion's row during a hold": (
        promotion_row_during_a_hold,
        "the promotion does not hold: held by",
    ),
    "a promotion's row after a failed gate": (
        promotion_row_after_a_failed_gate,
        "the promotion does not hold: gate_improvement was fail",
    ),
    "a promotion's row of another version": (
        promotion_row_of_another_version,
        "version 3 is live by a promotion that does not hold: it names no approval",
    ),
    "an edited approval": (edited_approval, "the ledger is broken: block"),
    "an edited verdict": (edited_verdict, "the ledger is broken: block"),
    "a recomputed chain": (
        recomputed_chain,
        "with another hash (",
    ),
    "a metric that is no number": (metric_that_is_no_number, "auc that is no number"),
    "what is live already": (lambda root: None, "version 1 is live already"),
}


@pytest.mark.requirement("PL-31")
@pytest.mark.parametrize("way", REFUSED)
def test_what_was_not_decided_is_refused_with_its_reason_and_recorded(live: Root, way: str) -> None:
    plant, words = REFUSED[way]
    plant(live)
    reasons = refused_promotion(live, "1" if way == "what is live already" else "2")
    assert any(words in reason for reason in reasons), reasons
    assert champion(live) == "1"


def test_the_same_without_the_fault_is_promoted_green(live: Root) -> None:
    id = bad_data(live)
    later(live, minutes=1)
    judged(live, "input_drift", "drift_report", "pass", partition="2021-03-09")
    happened(live, "incident_resolved", incident=id, note="it passes", by="ai_ops")
    decided(live, "hold", DEVOPS, reason="wait")
    later(live, minutes=1)
    decided(live, "release", SCIENTIST, reason="go on")
    assert promote(live, FEATURE, "2").version == champion(live) == "2"


def test_criteria_are_signed_anew_over_a_row_that_nobody_signed_green(live: Root) -> None:
    unsigned_amendment(live)
    with pytest.raises(DecisionRefused, match="it goes by the criteria"):
        decided(live, "approval", SCIENTIST, **APPROVED | {"gate_hash": looser()["hash"]})
    decided(live, "gate_amendment", SCIENTIST, **GATE, reason="as they were")
    candidate(live)
    assert promote(live, FEATURE, "2").version == champion(live) == "2"


def test_a_run_of_the_promotion_alone_after_a_failed_gate(live: Root) -> None:
    """Somebody starts the job that is downstream of the gate, in Dagster, with nothing before."""
    failed_gate(live)
    with dg.DagsterInstance.ephemeral() as instance:
        runner = Runner(definitions_of(FEATURE), instance)
        job, config = promotion_job_name(FEATURE), promotion_config(FEATURE, "2")
        result = runner.run(job, config=config, raises=False)
    ((_, _, words),) = failures_of(result)
    assert "gate_improvement: fail" in words
    assert last_refusal(live) == ("promotion", ("gate_improvement: fail: it is so",))
    assert (champion(live), standing(live).live) == ("1", "1")


def test_a_threshold_that_was_changed_in_the_yaml(live: Root) -> None:
    candidate(live)
    changed = FEATURE.model_copy(update={"gate": FEATURE.gate.model_copy(update={"auc_drop": 0.5})})
    with pytest.raises(PromotionRefused, match="not those that science"):
        promote(live, changed, "2")
    assert last_refusal(live)[0] == "promotion" and champion(live) == "1"


def test_a_decision_that_is_handed_in_without_the_role_or_twice(live: Root) -> None:
    gate_passed(live, "2", "1")
    token = token_of(live, "approval", STRANGER, **APPROVED)
    with pytest.raises(DecisionRefused, match="may not decide on approval"):
        record(live, FEATURE, token)
    assert last_refusal(live)[0] == "decision" and standing(live).refusals[-1].by == STRANGER
    token = token_of(live, "approval", SCIENTIST, **APPROVED)
    record(live, FEATURE, token)
    with pytest.raises(DecisionRefused, match="handed in before"):
        record(live, FEATURE, token)
    assert last_refusal(live)[0] == "decision" and champion(live) == "1"


def test_a_launch_on_rows_that_nobody_signed(versions: Path, tmp_path: Path) -> None:
    root = root_with(versions, tmp_path / "root")
    ready_to_launch(root)
    decided(root, "hold", BACKEND, reason="not yet")
    forged(root, "release", SCIENTIST, reason="go on")
    judged(root, "load_tested", "pre_launch_checklist", "waived")
    waiver = {"item": "load_tested", "domain": "inference_management", "until": "2021-03-20"}
    forged(root, "waiver", DEVOPS, **waiver, reason="no load")
    with pytest.raises(PromotionRefused) as refused:
        launch(root, FEATURE, launch_token(root))
    told = "; ".join(refused.value.reasons)
    assert "held by backend@example.com" in told and "the release in block" in told
    assert "load_tested: its waiver does not hold" in told
    assert last_refusal(root) == ("launch", refused.value.reasons) and champion(root) is None


# The alias, moved by hand


@pytest.mark.requirement("PL-13", "PL-15")
@pytest.mark.parametrize("version", ["1", "3"])
def test_an_alias_that_is_moved_by_hand_brings_nothing_to_users(live: Root, version: str) -> None:
    candidate(live)
    promote(live, FEATURE, "2")
    server = Champion(live.registry, NAME, 1, live.clock, explains=explained_by(live, NAME))
    server.poll()
    live.registry.set_alias(NAME, CHAMPION, version)
    server.poll()
    assert server.serving.version == "2"
    assert "somebody moved the alias by hand" in (server.serving.problem or "")
    compute_model_versions(live, FEATURE, live.clock.now())
    check = next(check for check in CHECKS if check.name == "registry_reconciled")
    (found,) = judge_and_record(live, FEATURE, [check], [moment_now(live.clock.now())], run_id=None)
    assert found.verdict.status == "fail" and f"champion is at version {version}" in (
        found.verdict.reason
    )
    if version == "1":  # a promotion's sensor takes it for one that was left behind
        promote(live, FEATURE, "2")
        server.poll()
        assert (server.serving.version, server.serving.problem) == ("2", None)


# Two at once, and a process that ends at any step


@contextmanager
def process(target: Callable[..., None], *asked: Any) -> Iterator[tuple[Any, Connection]]:
    """A real process; its modules are imported once, by the server that it is forked from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ai_ops_tests.faults.promoter_server"])
    here, there = context.Pipe()
    child = context.Process(target=target, args=(*asked, there))
    child.start()
    try:
        yield child, here
    finally:
        if child.is_alive():
            child.kill()
        child.join()
        here.close()
        there.close()


def heard(told: Connection) -> Any:
    assert told.poll(60), "the process says nothing"
    return told.recv()


@pytest.mark.parametrize("two", [("2", "2"), ("2", "3")], ids=["the same", "another"])
def test_two_promotions_at_once(live: Root, two: tuple[str, str]) -> None:
    for version in sorted(set(two)):
        candidate(live, version)
    with (
        process(promote_when_told, live.folder, two[0]) as (_, first),
        process(promote_when_told, live.folder, two[1]) as (_, second),
    ):
        assert heard(first) == heard(second) == "ready"
        first.send("go")
        second.send("go")
        became = [heard(first), heard(second)]
    (moved,) = live.ledger.events(NAME, kinds=["promotion"])
    assert champion(live) == standing(live).live == moved.payload["version"]
    assert ("moved", champion(live)) in became
    refused = [words for what, words in became if what == "refused"]
    assert len(standing(live).refusals) == len(refused)
    if two[0] != two[1]:
        assert "judged beside version 1, live is" in refused[0]
    assert live.ledger.verify().events


@pytest.mark.requirement("PL-18")
@pytest.mark.parametrize("step", STEPS)
def test_a_promotion_that_is_killed_at_any_step(live: Root, step: str) -> None:
    candidate(live)
    server = Champion(live.registry, NAME, 1, live.clock, explains=explained_by(live, NAME))
    server.poll()
    with process(promote_until, live.folder, "2", step) as (child, told):
        assert heard(told) == step
        os.kill(child.pid, 9)
        child.join()
        assert child.exitcode == -9
    server.poll()
    recorded = step in ("recorded", "moved")
    by_ledger = "2" if recorded else "1"
    assert live.ledger.verify().events and standing(live).live == by_ledger
    assert champion(live) == server.serving.version == ("2" if step == "moved" else "1")
    assert explained_by(live, NAME)(str(server.serving.version), None) is None
    # The next look of the promotion's sensor: what was recorded is completed, else tried again.
    now = standing(live)
    due = due_promotion(now, lambda one: obstacles(live, FEATURE, one, now), champion(live))
    if step != "moved":
        assert due is not None and due[0] == "2"
        promote(live, FEATURE, "2")
    server.poll()
    assert champion(live) == standing(live).live == server.serving.version == "2"
    assert len(live.ledger.events(NAME, kinds=["promotion"])) == 1
    assert standing(live).refusals == ()


# A candidate that the gate has reasons to refuse


def learnt_from(root: Root, ids: Sequence[str], *, days: int, version: str = "2") -> None:
    """The files of a candidate as a retraining leaves them; the hold-out is the last days."""
    yesterday = NOW.date() - timedelta(days=1)
    first = yesterday - timedelta(days=days - 1)
    said = {
        "digest": f"{version:0>36}",
        "holdout_first": first.isoformat(),
        "holdout_last": yesterday.isoformat(),
    }
    lake = root.lake
    lake.write_json(lake.path(NAME, "training_set", "made", "json"), said)
    rows = rows_of(BEGIN).set_column(0, "id", pa.array([*ids, *["h"] * 40][:40]))
    lake.write_table(lake.path(NAME, "training_set", "made"), rows)
    made = {"version": version, "training_set": "made", "retraining": "", **said}
    lake.write_json(lake.path(NAME, "candidate_model", None, "json"), made)
    found = {"training_set": "made"}
    judged(root, "training_set_sound", "training_set", "pass", partition="made", **found)


def a_leak(root: Root) -> None:
    day = NOW.date() - timedelta(days=2)
    learnt_from(root, [f"p-{day}-{n}" for n in range(30)], days=3)


def one_row(root: Root) -> None:
    learnt_from(root, [], days=3)
    last = NOW.date() - timedelta(days=1)
    for back in range(3):
        day = last - timedelta(days=back)
        path = root.lake.path(NAME, "prediction_log", day.isoformat())
        log, _ = root.lake.read_table(path)
        root.lake.write_table(path, log.slice(0, 1 if back == 2 else 0))


def itself(root: Root) -> None:
    learnt_from(root, [], days=3, version="1")


UNFIT: dict[str, tuple[Plant, str, str]] = {
    "an evaluation set that overlaps the training set": (a_leak, "2", "rows of the hold-out, as p"),
    "an evaluation set of one row": (one_row, "2", "1 labelled rows of 1 days, needed are 2000"),
    "the champion itself": (itself, "1", "held against itself"),
}


@pytest.mark.parametrize("way", UNFIT)
def test_a_candidate_that_was_not_judged_fairly(live: Root, way: str) -> None:
    yesterday = NOW.date() - timedelta(days=1)
    write_log(live, yesterday - timedelta(days=3), yesterday)
    write_labels(live, yesterday - timedelta(days=3), yesterday)
    plant, version, words = UNFIT[way]
    plant(live)
    now = live.clock.now()
    compute_candidate_evaluation(live, FEATURE, now)
    gate = [check for check in CHECKS if check.name in GATE_CHECKS]
    found = judge_and_record(live, FEATURE, gate, [moment_now(now)], run_id=None)
    assert len(found) == len(GATE_CHECKS) and not any(one.verdict.passed for one in found)
    approved(live, version)
    assert any(words in one for one in refused_promotion(live, version))
