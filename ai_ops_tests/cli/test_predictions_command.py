"""``ai-ops predictions``: every logged prediction is found, and answered for."""

import json
import random
import re
import shutil
import sqlite3
from base64 import b64encode
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.ai_features.source import Source
from ai_ops.cli import predictions
from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE, resolve_feature
from ai_ops.cli.explaining import Explaining
from ai_ops.client import PredictionLog
from ai_ops.client.keys import Keys
from ai_ops.client.policy import Policy
from ai_ops.client.privacy import Protector
from ai_ops.client.records import Prediction
from ai_ops.inference_management.rescoring import Logged, Rescoring
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.retraining_pipeline.promotion import promote
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.prediction_logging.logging_world import SetClock
from ai_ops_tests.replayed import Replayed
from ai_ops_tests.retraining_pipeline import pipeline_world as pipeline
from ai_ops_tests.retraining_pipeline.moving import candidate
from ai_ops_tests.sourced_world import FIRST, sourced

DAYS = ("2021-03-10", "2021-03-11")
"""Version 1 is launched on the morning of the first, version 2 promoted on that of the second."""
FEATURE = pipeline.FEATURE.model_copy(
    update={
        "monitoring": pipeline.FEATURE.monitoring.model_copy(
            update={"start": date.fromisoformat(DAYS[0])}
        )
    }
)
NAME = FEATURE.name
INPUT = {"city": "A", "temp": 20.5, "express": True}
OUTPUT = {"probability": 0.25, "late": False}
MARKUP = "[red]x[/red]"
CODES = "\x1b[2J"
"""What would clear the screen of whoever looks at it."""
KEYS = Keys(encrypt={"k1": bytes(range(32))})
BOUGHT = Source.model_validate({"files": "x.parquet", "columns": {"time": "t"}})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A launch, a promotion, a day of predictions by each version, and a label."""
    versions = pipeline.registered(tmp_path_factory.getbasetemp())
    root = pipeline.root_with(versions, tmp_path_factory.mktemp("explained") / "root")
    pipeline.launched(root)
    write(root, DAYS[0], "first", "1", subject="Ada", tenant=MARKUP, call_site="checkout")
    write(root, DAYS[0], MARKUP, "1", input=INPUT | {"city": MARKUP + CODES})
    root.begin_replay(utc(f"{DAYS[1]}T09:00:00Z"))
    said = {"incident": pipeline.incident(root), "conclusion": "false_alarm", "note": ""}
    pipeline.decided(root, "incident_concluded", pipeline.SCIENTIST, **said)
    candidate(root)
    promote(root, FEATURE, "2")
    write(root, DAYS[1], "second", "2")
    write(root, DAYS[1], "stranger", "1")
    root.begin_replay(utc("2021-03-12T07:00:00Z"))
    compact(root, *DAYS)
    for item in ("log_written", "input_drift"):
        pipeline.judged(root, item, "asset", "pass", partition=DAYS[1])
    label(root, "first", True)
    return root


def write(root: Root, day: str, id: str, version: str | None, **fields: Any) -> None:
    clock: Any = SetClock(utc(f"{day}T18:00:00Z"))
    with PredictionLog(root.segments, NAME, "web", clock) as log:
        log.record(id=id, model_version=version, **({"input": INPUT, "output": OUTPUT} | fields))


def compact(root: Root, *days: str) -> None:
    now = root.clock.now()
    compute_prediction_log(root, FEATURE, [Moment(day, Window.of_day(day), now) for day in days])


def label(root: Root, id: str, value: bool) -> None:
    file = root.folder / "sources" / NAME / "labels" / "labels.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    duckdb.execute(
        f"COPY (SELECT ? AS id, ? AS label, ?::TIMESTAMPTZ AS available_at) TO '{file}'",
        [id, value, datetime.fromisoformat(f"{DAYS[1]}T03:00:00+00:00")],
    )
    now = root.clock.now()
    compute_ground_truth(root, FEATURE, [Moment(DAYS[1], Window.of_day(DAYS[1]), now)])


@pytest.fixture
def call(root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command on that root, with the feature in a folder of the user's own."""
    attributes = FEATURE.model_dump(mode="json", exclude_defaults=True)
    attributes["monitoring"]["start"] = FEATURE.monitoring.start
    file = tmp_path / "defs" / NAME / "defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": attributes}))
    monkeypatch.setenv("AI_OPS_DEFS", str(tmp_path / "defs"))

    def called(*arguments: str) -> tuple[int, str, str]:
        given = [arguments[0], NAME, *arguments[1:], "--root", str(root.folder)]
        done = CliRunner().invoke(predictions.app, given, env={"COLUMNS": "120"})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return called


def explained(root: Root, id: str, **changes: Any) -> dict[str, Any]:
    feature = FEATURE.model_copy(update=changes)
    with Explaining(root, feature, KEYS) as explaining:
        told = explaining.explained(explaining.look_up(id))
    json.dumps(told, allow_nan=False)
    return told


# Finding


@pytest.mark.requirement("PL-08")
def test_a_customer_s_prediction_is_found_and_shown(call: Any) -> None:
    code, out, _ = call("find", "--subject", "Ada")
    assert code == DONE
    assert MARKUP in out and "checkout" in out and "version 1" in out
    assert "searched: 3 of 3 days from 2021-03-10 to 2021-03-12" in out or "searched: 2 of 3" in out
    code, out, _ = call("find", "--where", "input.temp>20", "--limit", "1", "--json")
    found = json.loads(out)
    assert code == DONE and found["more"]
    assert set(found) == {
        "feature", "predictions", "more", "first_day", "last_day", "days_asked", "days_searched",
        "days_in_segments", "as_of", "quarantined", "missing", "certain",
    }  # fmt: skip
    assert found["predictions"][0]["input"] == INPUT


def test_not_found_is_one_answer_and_not_known_another(call: Any, root: Root) -> None:
    code, _, err = call("find", "--id", "nobody", "--to", DAYS[1])
    assert code == FAILS
    assert f"not found in the logs of {DAYS[0]} … {DAYS[1]} (all 2 days asked have one)" in err
    log = Path(root.lake.path(NAME, "prediction_log", DAYS[0]))
    segments = root.segments / NAME
    log.rename(log.with_suffix(".away"))
    segments.rename(segments.with_name("away"))
    try:
        code, _, err = call("find", "--id", "nobody", "--to", DAYS[1])
    finally:
        log.with_suffix(".away").rename(log)
        segments.with_name("away").rename(segments)
    assert code == NO_EVIDENCE
    assert f"{DAYS[0]}: 2 lines or segments cannot be read" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--from", "2020-01-01", "--to", "2020-01-02"], NO_EVIDENCE, "not monitored in this span"),
        (["--from", "yesterday"], BAD, "--from: write ISO 8601"),
        (["--where", "input.nix=1"], BAD, "no input is named nix"),
        (["--id", "first", "--from", f"{DAYS[0]}T19:00:00Z", "--to", DAYS[0]], FAILS, "not found"),
    ],
)
def test_what_cannot_be_asked_is_told(
    call: Any, arguments: list[str], code: int, words: str
) -> None:
    found, _, err = call("find", *arguments)
    assert (found, words in err) == (code, True), err


# Explaining


@pytest.mark.requirement("PL-08", "PL-09", "PL-10", "PL-11", "PL-15", "PL-16", "PL-17")
def test_one_page_answers_for_a_prediction(root: Root, call: Any) -> None:
    told = explained(root, "second")
    assert told["prediction"]["input"] == INPUT and told["prediction"]["output"] == OUTPUT
    version = told["version"]
    [move] = version["moves"]
    assert (move["kind"], move["previous"], move["by"]) == ("promotion", "1", pipeline.SCIENTIST)
    assert version["approval"]["approved"] and version["approval"]["by"] == pipeline.SCIENTIST
    assert version["gate"]["hash"] == FEATURE.gate.digest
    assert version["gate"]["criteria"] == FEATURE.gate.model_dump(mode="json")
    passed = {one["item"]: one["status"] for one in version["passed"]}
    assert passed == dict.fromkeys(GATE_CHECKS, "pass")
    assert version["registered"]["training_data_digest"] == "0" * 32
    assert told["live"]["version"] == "2" and told["live"]["agrees"]
    assert told["replay"]["status"] == "match" and told["replay"]["kind"] == "exact"
    [incident] = told["incidents"]["open_then"]
    assert incident["id"] == "drift-2021-03-09"
    # Nothing was judged by the evening of that day; what is known of it now came later.
    assert told["verdicts"]["then"] == []
    assert told["label"]["label"] is None
    assert any(line.startswith("the label: ") for line in told["missing"])
    assert told["retention"]["days"] == 400 and not told["retention"]["is_over"]
    code, out, _ = call("explain", "second")
    assert code == DONE
    for words in ("promotion", "drift-2021-03-09", "the very same number, 0.25", "gate_evidence"):
        assert words in out


def test_the_version_before_the_promotion_has_its_own_story(root: Root) -> None:
    told = explained(root, "first")
    assert [move["kind"] for move in told["version"]["moves"]] == ["launch"]
    assert len(told["version"]["passed"]) == 6  # the items of the pre-launch checklist
    assert told["live"]["version"] == "1" and told["live"]["agrees"]
    assert told["incidents"]["open_then"] == []
    assert [one["id"] for one in told["incidents"]["begun_by_then"]] == ["drift-2021-03-09"]
    label = told["label"]
    assert (label["label"], label["agrees"]) == (True, False)
    assert label["available_at"] == f"{DAYS[1]}T03:00:00+00:00"


def test_a_version_that_was_not_live_any_more_is_seen(root: Root) -> None:
    live = explained(root, "stranger")["live"]
    assert (live["version"], live["agrees"]) == ("2", False)
    assert "the record names version 1" in live["reason"]


def test_what_a_user_sent_is_no_markup(call: Any) -> None:
    code, out, _ = call("explain", MARKUP)
    assert code == DONE
    assert out.count(MARKUP) >= 2  # its id, and its city
    assert CODES not in out and r"\x1b[2J" in out


def test_explaining_what_is_not_there_ends_as_finding_does(call: Any) -> None:
    code, _, err = call("explain", "nobody", "--day", DAYS[0])
    assert code == FAILS and "not found" in err


def test_somebody_else_s_model_is_said_to_be_that(root: Root) -> None:
    told = explained(root, "first", served_by="external", source=BOUGHT)
    assert "somebody else's" in told["version"]["whose"]
    assert told["live"]["agrees"] is None
    assert told["replay"]["kind"] == "served_elsewhere"
    assert any("completeness: unprovable" in line for line in told["missing"])
    [unjudged] = [line for line in told["missing"] if line.startswith("verdicts on")]
    assert "log_written" in unjudged and "version_is_champion" not in unjudged, "it cannot exist"


@pytest.mark.requirement("PL-08", "PL-11")
def test_a_vendor_s_table_answers_for_its_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = sourced(tmp_path, days=31, rows_a_day=8)
    feature, lake = vendor.feature, vendor.root.lake
    days = [str(FIRST + timedelta(days=n)) for n in range(31)]
    vendor.advance(vendor.moment(days[-1]).as_of)
    compute_prediction_log(vendor.root, feature, vendor.moments(days))
    compute_ground_truth(vendor.root, feature, vendor.moments(days[28:]))
    row = vendor.rows.iloc[28 * 8 + 3]  # of the first monitored day
    assert lake.glob(f"{feature.name}/prediction_log/*.parquet")
    with Explaining(vendor.root, feature, Keys()) as explaining:
        told = explaining.explained(explaining.look_up(row["id"]))
        before = explaining.look_up(vendor.rows.iloc[0]["id"])
    assert before.predictions  # the reference's days are before the monitoring
    assert told["prediction"]["input"]["amount"] == row["amount"]
    assert told["prediction"]["output"]["risk"] == row["risk"]
    assert (told["prediction"]["tenant"], told["prediction"]["call_site"]) == (
        row["customer"],
        row["channel"],
    )
    assert told["version"]["version"] == "2021.1" and "somebody else" in told["version"]["whose"]
    assert told["replay"]["kind"] == "served_elsewhere"
    assert told["label"]["label"] == bool(row["defaulted"])
    assert any(line.startswith("completeness: unprovable") for line in told["missing"])
    monkeypatch.setenv("AI_OPS_DEFS", str(vendor.file.parents[1]))
    where = f"input.amount={row['amount']}"
    arguments = ["find", feature.name, "--where", where, "--root", str(vendor.root.folder)]
    done = CliRunner().invoke(predictions.app, arguments, env={"COLUMNS": "120"})
    assert (done.exit_code, row["id"] in done.stdout) == (DONE, True)
    assert "completeness is unprovable" in done.stdout


# The replay of a version, and every difference by its name


def encrypted(value: Any) -> str:
    policy = Policy(feature=NAME, fields={"city": "encrypt"})
    said = Prediction(id="a", model_version="1", input={"city": value})
    return str(Protector(policy, KEYS).protect(said).input["city"])


@pytest.mark.requirement("PL-10", "PL-11")
@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        ({}, "exact", "the very same number"),
        ({"output": OUTPUT | {"probability": 0.25 + 1e-7}}, "within_tolerance", "float32 sums"),
        ({"output": OUTPUT | {"probability": 0.3}}, "score_differs", "gives 0.25, logged was 0.3"),
        ({"output": OUTPUT | {"late": True}}, "decision_differs", r"declares now \(0.5\)"),
        ({"input": INPUT | {"city": encrypted("A")}}, "exact", "the very same number"),
        ({"input": INPUT | {"city": "hmac:ab"}}, "inputs_protected", "city was hashed"),
        ({"input": {"city": "A"}}, "inputs_absent", "reads temp: not logged"),
        ({"input": None}, "inputs_absent", "holds no input"),
        ({"input": INPUT | {"temp": "warm"}}, "model_refuses", "does not take what was logged"),
        ({"output": {}}, "output_absent", "no number as its probability"),
        ({"status": "refused"}, "not_answered", "was refused"),
        ({"withheld": "no key to hash with"}, "inputs_withheld", "no key to hash with"),
        ({"version": None}, "version_unknown", "names no version"),
        ({"version": "9"}, "version_gone", "no version '9' in the registry"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_replay_matches_or_names_the_difference(
    root: Root, changed: dict[str, Any], kind: str, words: str
) -> None:
    told: dict[str, Any] = {"version": "1", "status": "ok", "input": INPUT, "output": OUTPUT}
    found = Rescoring(root, FEATURE, KEYS).rescored(Logged(**(told | changed)))
    assert found.kind == kind
    assert re.search(words, found.reason)
    matches = kind in ("exact", "within_tolerance")
    assert found.status == (
        "match" if matches else "differs" if "differs" in kind else "impossible"
    )


def test_without_the_key_an_encrypted_input_cannot_be_replayed(root: Root) -> None:
    logged = Logged("1", "ok", INPUT | {"city": encrypted("A")}, OUTPUT)
    found = Rescoring(root, FEATURE, Keys()).rescored(logged)
    assert (found.kind, "AI_OPS_ENCRYPT_KEY" in found.reason) == ("inputs_protected", True)
    assert b64encode(bytes(range(32))).decode() not in found.reason


def test_a_dropped_input_is_named_as_dropped(root: Root) -> None:
    privacy = FEATURE.privacy.model_copy(update={"fields": {"temp": "drop"}})
    feature = FEATURE.model_copy(update={"privacy": privacy})
    logged = Logged("1", "ok", {"city": "A", "express": True}, OUTPUT)
    found = Rescoring(root, feature, KEYS).rescored(logged)
    assert (found.kind, "drops it" in found.reason) == ("inputs_protected", True)


def test_a_model_whose_file_was_changed_is_not_asked(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = pipeline.registered(tmp_path_factory.getbasetemp()).parent
    shutil.copytree(made, tmp_path / "mlflow")
    with sqlite3.connect(tmp_path / "mlflow" / "mlflow.db") as database:
        places = "UPDATE logged_models SET artifact_location = replace(artifact_location, ?, ?)"
        database.execute(places, [str(made), str(tmp_path / "mlflow")])
    root = Root.open(tmp_path, environment={})
    logged = Logged("1", "ok", INPUT, OUTPUT)
    where = root.registry._found(NAME, "1")[1]
    assert where.is_relative_to(tmp_path)
    [model] = where.rglob("model.pt2")
    assert Rescoring(root, FEATURE, KEYS).rescored(logged).kind == "exact"
    model.write_bytes(model.read_bytes() + b"x")
    assert Rescoring(root, FEATURE, KEYS).rescored(logged).kind == "model_changed"
    model.unlink()
    assert Rescoring(root, FEATURE, KEYS).rescored(logged).kind == "model_missing"
    (root.folder / "mlflow" / "mlflow.db").unlink()
    assert Rescoring(root, FEATURE, KEYS).rescored(logged).kind == "registry_unreachable"


@pytest.mark.requirement("PL-08", "PL-10", "PL-11")
def test_random_past_predictions_are_explained_and_every_replay_matches(
    replayed: Replayed,
) -> None:
    feature = resolve_feature("flight_delay")
    pattern = f"{replayed.root.lake.url}/flight_delay/prediction_log/*.parquet"
    query = "SELECT DISTINCT id FROM read_parquet(?) WHERE status = 'ok' ORDER BY id"
    known = [id for (id,) in duckdb.execute(query, [pattern]).fetchall()]
    ids = random.Random(11).sample(known, 120)
    kinds: Counter[str] = Counter()
    with Explaining(replayed.root, feature, Keys()) as explaining:
        for id in ids:
            told = explaining.explained(explaining.look_up(id))
            kinds[told["replay"]["kind"]] += 1
            assert told["replay"]["status"] == "match", (id, told["replay"])
            assert told["live"]["agrees"], (id, told["live"])
            assert told["evidence"]["agrees"], (id, told["evidence"])
            assert told["verdicts"]["on_its_day"]
    # What was answered alone or in a batch gives the very number, but where a kill tore a batch.
    assert kinds["exact"] + kinds["exact_in_its_batch"] >= 0.95 * len(ids)
    assert kinds["exact_in_its_batch"] > 0


def test_a_moment_later_the_day_of_a_search_ends(root: Root) -> None:
    """A search asks no day that has not come yet."""
    with Explaining(root, FEATURE, KEYS) as explaining:
        found = explaining.look_up("nobody")
    assert found.days[-1] == root.clock.now().date().isoformat()
    assert found.as_of - utc("2021-03-12T07:00:00Z") < timedelta(minutes=1)
