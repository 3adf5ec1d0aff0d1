"""``ai-ops features init``: a YAML drafted from tables of many shapes, with what it asks."""

import json
import os
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.cli.features import app

OWNERS = [
    word
    for domain in (
        "prediction_logging",
        "drift_monitoring",
        "retraining_pipeline",
        "inference_management",
    )
    for word in ("--owner", f"{domain}={domain[:5]}@example.com")
]
BEGIN = pd.Timestamp("2026-01-05 00:30", tz="UTC")


def init(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["init", *map(str, arguments)], env={"COLUMNS": "250"})


def drafted(to: Path, *arguments: str | Path, answers: bool = True) -> dict[str, Any]:
    done = init("mine", *arguments, "--to", to, "--json", *(OWNERS if answers else ()))
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def loaded(told: dict[str, Any]) -> AiFeatureSpec:
    return load_feature(Path(told["file"]))


def asked(told: dict[str, Any]) -> set[str]:
    return {question["field"] for question in told["questions"]}


def log(rows: int = 2000, days: int = 84, seed: int = 0) -> pd.DataFrame:
    """A log of a binary score as teams have it."""
    random = np.random.default_rng(seed)
    age = random.normal(40, 9, rows)
    score = 1 / (1 + np.exp(-(age - 40) / 9))
    return pd.DataFrame(
        {
            "prediction_id": [f"p-{n}" for n in range(rows)],
            "created_at": BEGIN + pd.to_timedelta(np.arange(rows) * days * 86400 / rows, unit="s"),
            "plan": random.choice(["free", "paid", "team"], rows),
            "age": np.where(np.arange(rows) % 10 == 0, np.nan, age),
            "is_new": random.random(rows) < 0.5,
            "country": "NL",
            "note": [f"free text {n % 1500}" for n in range(rows)],
            "score": score,
            "churns": score > 0.3,
            "model_version": np.where(np.arange(rows) < rows / 2, "1", "2"),
            "tenant": random.choice(["a", "b"], rows),
            "endpoint": random.choice(["web", "batch"], rows),
            "latency_ms": random.gamma(2, 20, rows),
            "label": random.random(rows) < score,
        }
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("log") / "predictions.parquet"
    log().to_parquet(file)
    return file


@pytest.mark.requirement("ST-01")
def test_a_log_of_a_score_and_its_labels_is_recognised(table: Path, tmp_path: Path) -> None:
    told = drafted(tmp_path, "--from", table)
    feature = loaded(told)
    assert asked(told) == {"ground_truth.mature_after_hours"}
    source = feature.source
    assert source is not None and source.files == str(table)
    columns = source.columns
    assert (columns.id, columns.time, columns.label) == ("prediction_id", "created_at", "label")
    assert (columns.model_version, columns.tenant) == ("model_version", "tenant")
    assert (columns.call_site, columns.latency_ms) == ("endpoint", "latency_ms")
    assert [(one.name, one.type, one.nullable) for one in feature.inputs] == [
        ("plan", "category", False),
        ("age", "number", True),
        ("is_new", "boolean", False),
        ("country", "category", False),
    ]
    assert (feature.judged.score, feature.judged.decision) == ("score", "churns")
    assert 0.29 < feature.judged.threshold < 0.31
    assert feature.ground_truth.kind == "binary"
    assert feature.reference is not None
    assert feature.reference.first_day == date(2026, 1, 5)
    assert feature.reference.last_day == date(2026, 2, 1)
    assert feature.monitoring.start == date(2026, 2, 2)
    assert feature.monitoring.end == date(2026, 3, 30)
    assert feature.drift.minimum_rows == 83
    text = Path(told["file"]).read_text()
    assert "# Always NL in these rows" in text
    assert re.search("# Left out: note is a text with about 1,[345].. different values", text)
    assert told["left_out"][0]["column"] == "note"
    assert told["guessed"]["judged.score"] == "score"


def test_owners_that_nobody_named_are_asked_for_and_no_command_loads_them(
    table: Path, tmp_path: Path
) -> None:
    told = drafted(tmp_path, "--from", table, "--owner", "drift_monitoring=d@x.nl", answers=False)
    owners = {field for field in asked(told) if field.startswith("owners.")}
    assert owners == {
        "owners.prediction_logging.accountable",
        "owners.retraining_pipeline.accountable",
        "owners.inference_management.accountable",
    }
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert done.exit_code == 2
    assert "owners.prediction_logging.accountable: write a person's mail address" in done.stderr


def test_what_it_asks_stands_above_the_line_that_it_is_about(tmp_path: Path) -> None:
    frame = log().rename(columns={"created_at": "opened"})
    frame["opened"] = frame["opened"].dt.tz_localize(None)
    frame["shipped"] = frame["opened"] + pd.Timedelta(hours=3)
    frame.to_parquet(tmp_path / "log.parquet")
    told = drafted(tmp_path, "--from", tmp_path / "log.parquet")
    (question,) = [q for q in told["questions"] if q["field"] == "source.columns.time"]
    assert question["candidates"] == ["opened", "shipped"]
    lines = [line.strip() for line in Path(told["file"]).read_text().splitlines()]
    assert lines[lines.index("time: opened") - 1] == "# Candidates: opened, shipped"
    assert lines[lines.index("time_zone: UTC") - 2].startswith("# QUESTION: the times in opened")
    answers = ("source.columns.time=shipped", "source.time_zone=Europe/Amsterdam")
    words = [word for answer in answers for word in ("--answer", answer)]
    again = drafted(tmp_path / "again", "--from", tmp_path / "log.parquet", *words)
    source = loaded(again).source
    assert source and (source.columns.time, source.time_zone) == ("shipped", "Europe/Amsterdam")
    assert asked(again) == {"ground_truth.mature_after_hours"}


@pytest.mark.requirement("ST-01")
def test_labels_and_a_reference_of_their_own_files(table: Path, tmp_path: Path) -> None:
    frame = pd.read_parquet(table)
    labels = pd.DataFrame(
        {
            "prediction_id": frame["prediction_id"][:1500],
            "outcome": np.where(frame["label"][:1500], "yes", "no"),
            "known_at": frame["created_at"][:1500] + pd.Timedelta(days=2),
        }
    )
    labels.to_csv(tmp_path / "labels.csv", index=False, sep=";", encoding="utf-8-sig")
    frame.drop(columns="label").to_parquet(tmp_path / "log.parquet")
    told = drafted(
        tmp_path,
        *("--from", tmp_path / "log.parquet", "--labels", tmp_path / "labels.csv"),
        *("--reference", table),
    )
    feature = loaded(told)
    truth = feature.ground_truth
    assert (truth.kind, truth.positive) == ("binary", "yes")
    assert (truth.id_column, truth.label_column) == ("prediction_id", "outcome")
    assert truth.available_at_column == "known_at"
    assert truth.mature_after_hours == 48 and asked(told) == set()
    assert truth.minimum_coverage == 0.65
    assert feature.reference is not None and feature.reference.files == str(table)
    assert feature.monitoring.start == date(2026, 1, 5)


def test_a_reference_set_without_times_is_asked_about(table: Path, tmp_path: Path) -> None:
    pd.read_parquet(table).drop(columns="created_at").to_parquet(tmp_path / "train.parquet")
    told = drafted(tmp_path, "--from", table, "--reference", tmp_path / "train.parquet")
    assert "reference" in asked(told)
    assert "has no column created_at" in Path(told["file"]).read_text()


def test_several_classes_with_a_probability_each(tmp_path: Path) -> None:
    frame = log().drop(columns=["score", "churns", "label"])
    shares = np.random.default_rng(1).dirichlet([1, 1, 1], len(frame))
    names = np.array(["Setosa", "Virginica", "Versicolor"])
    for place, name in enumerate(names):
        frame[f"proba_{name.lower()}"] = shares[:, place]
    frame["prediction"] = names[shares.argmax(axis=1)]
    frame["species"] = names[0]
    frame["target"] = np.roll(frame["prediction"], 1)
    frame.to_parquet(tmp_path / "log.parquet")
    feature = loaded(drafted(tmp_path, "--from", tmp_path / "log.parquet"))
    assert feature.ground_truth.kind == "classes"
    assert feature.judged.decision == "prediction"
    assert feature.judged.probabilities == {
        "Setosa": "proba_setosa",
        "Versicolor": "proba_versicolor",
        "Virginica": "proba_virginica",
    }
    assert "species" in {one.name for one in feature.inputs}


def test_digits_are_classes_though_they_are_numbers(tmp_path: Path) -> None:
    frame = log().drop(columns=["score", "churns", "label"])
    frame["predicted_digit"] = np.arange(len(frame)) % 10
    frame["digit_true"] = np.roll(frame["predicted_digit"], 3)
    frame.to_csv(tmp_path / "log.csv", index=False)
    told = drafted(tmp_path, "--from", tmp_path / "log.csv")
    feature = loaded(told)
    assert feature.ground_truth.kind == "classes"
    assert feature.judged.decision == "predicted_digit"
    assert {one.name: one.type for one in feature.outputs} == {"predicted_digit": "category"}


def test_a_number_is_predicted(tmp_path: Path) -> None:
    frame = log().drop(columns=["score", "churns", "label"])
    frame["forecast"] = frame["latency_ms"] * 10
    frame["actual"] = frame["forecast"] + 3.5
    frame.to_parquet(tmp_path / "log.parquet")
    feature = loaded(drafted(tmp_path, "--from", tmp_path / "log.parquet"))
    assert (feature.ground_truth.kind, feature.judged.score) == ("number", "forecast")
    assert {one.name: one.type for one in feature.outputs} == {"forecast": "number"}


def test_without_labels_it_asks_whether_there_are_any(tmp_path: Path) -> None:
    log().drop(columns="label").to_parquet(tmp_path / "log.parquet")
    told = drafted(tmp_path, "--from", tmp_path / "log.parquet")
    assert asked(told) == {"source.columns.label"}
    assert loaded(told).ground_truth.kind == "none"
    never = drafted(
        tmp_path / "b", "--from", tmp_path / "log.parquet", "--answer", "ground_truth.kind=none"
    )
    assert asked(never) == set()


def test_without_a_score_the_decision_is_judged(tmp_path: Path) -> None:
    frame = log().drop(columns="score").rename(columns={"churns": "prediction"})
    frame.to_parquet(tmp_path / "log.parquet")
    feature = loaded(drafted(tmp_path, "--from", tmp_path / "log.parquet"))
    assert (feature.judged.score, feature.judged.decision) == (None, "prediction")


def test_without_any_answer_it_asks_which_it_is(tmp_path: Path) -> None:
    frame = log()[["prediction_id", "created_at", "age", "latency_ms", "label"]]
    frame.to_parquet(tmp_path / "log.parquet")
    told = drafted(tmp_path, "--from", tmp_path / "log.parquet")
    assert "judged.score" in asked(told)


def test_without_times_a_calendar_is_declared_and_asked_for(tmp_path: Path) -> None:
    frame = log().drop(columns="created_at")
    frame["step"] = np.arange(len(frame))
    frame.to_csv(tmp_path / "log.csv", index=False)
    told = drafted(tmp_path, "--from", tmp_path / "log.csv")
    feature = loaded(told)
    assert "source.calendar.rows_a_day" in asked(told)
    assert feature.source is not None and feature.source.calendar is not None
    assert feature.source.calendar.order_column == "step"
    assert feature.source.calendar.rows_a_day == 18
    assert feature.reference is not None
    assert feature.monitoring.end == date(2024, 1, 1) + timedelta(days=len(frame) // 18)


def test_a_short_log_has_no_days_to_spare_for_a_reference(tmp_path: Path) -> None:
    log(days=20).to_parquet(tmp_path / "log.parquet")
    told = drafted(tmp_path, "--from", tmp_path / "log.parquet")
    assert "reference" in asked(told)
    assert loaded(told).reference is None
    assert "# QUESTION: the log has 20 days" in Path(told["file"]).read_text()


def test_a_first_day_that_is_half_and_a_row_of_another_age_are_no_begin(tmp_path: Path) -> None:
    frame = log(rows=8400)
    frame["created_at"] += pd.Timedelta(hours=20)
    frame.loc[5, "created_at"] = pd.Timestamp("1970-01-01", tz="UTC")
    frame.to_parquet(tmp_path / "log.parquet")
    feature = loaded(drafted(tmp_path, "--from", tmp_path / "log.parquet"))
    assert feature.reference is not None and feature.reference.first_day == date(2026, 1, 6)


def test_a_quiet_weekend_is_whole_and_a_day_that_was_cut_off_is_not(tmp_path: Path) -> None:
    rows = log(rows=6000)  # from a Monday to a Sunday
    rows = rows[(rows["created_at"].dt.dayofweek < 5) | (np.arange(len(rows)) % 4 == 0)]
    rows.to_parquet(tmp_path / "log.parquet", index=False)
    monitored = loaded(drafted(tmp_path / "defs", "--from", tmp_path / "log.parquet")).monitoring
    assert monitored.end == date(2026, 3, 30)
    cut = rows[rows["created_at"] < "2026-03-29 03:00+00:00"]
    cut.to_parquet(tmp_path / "log.parquet", index=False)
    monitored = loaded(drafted(tmp_path / "cut", "--from", tmp_path / "log.parquet")).monitoring
    assert monitored.end == date(2026, 3, 29)


def test_names_that_yaml_cannot_take_are_mapped(tmp_path: Path) -> None:
    frame = log().rename(columns={"age": "Age (years)", "plan": "yes: #1, 'x'\n", "score": "p"})
    frame["age years"] = 1.5
    frame.to_parquet(tmp_path / "log.parquet")
    feature = loaded(drafted(tmp_path, "--from", tmp_path / "log.parquet"))
    assert feature.source is not None
    assert feature.source.inputs["age_years"] == "Age (years)"
    assert feature.source.inputs["age_years_2"] == "age years"
    assert feature.source.inputs["yes_1_x"] == "yes: #1, 'x'\n"


def test_numbers_since_1970_are_times(tmp_path: Path) -> None:
    frame = log()
    seconds = frame["created_at"].map(lambda moment: moment.timestamp())
    frame["created_at"] = (seconds * 1000).where(frame.index % 10 > 2).round()
    frame.to_csv(tmp_path / "log.csv", index=False)
    feature = loaded(drafted(tmp_path, "--from", tmp_path / "log.csv"))
    assert feature.source is not None and feature.source.columns.time == "created_at"
    assert feature.monitoring.end == date(2026, 3, 30)


def test_an_existing_file_is_not_touched(table: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine" / "defs.yaml"
    file.parent.mkdir()
    file.write_text("mine\n")
    done = init("mine", "--from", table, "--to", tmp_path)
    assert (done.exit_code, file.read_text()) == (2, "mine\n")
    assert f"{file}: exists already" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("Bad-Name", "--from", "{table}"), "small letters"),
        (("mine", "--from", "{folder}/none.parquet"), "--from: no file matches"),
        (("mine", "--from", "{table}", "--owner", "a@b.c"), "FIELD=VALUE"),
        (("mine", "--from", "{table}", "--owner", "drift=a@b.c"), "drift is no domain"),
        (("mine", "--from", "{table}", "--owner", "drift_monitoring=ann"), "a mail address"),
        (("mine", "--from", "{table}", "--answer", "titel=x"), "nothing asks for it"),
        (("mine", "--from", "{table}", "--answer", "judged.score=x"), "has no column x"),
        (("mine", "--from", "{table}", "{table}"), "quote it"),
        (("mine", "--from", "{folder}/capture.jsonl"), "sagemaker_capture"),
        (("mine", "--from", "{folder}/empty.parquet"), "empty.parquet: the file is empty"),
        (("mine", "--from", "{folder}/torn.parquet"), "torn.parquet: not a readable Parquet"),
        (("mine", "--from", "{folder}/rowless.csv"), "it has columns and no rows"),
        (
            ("mine", "--from", "{table}", "--answer", "ground_truth.mature_after_hours=soon"),
            "a number of hours",
        ),
        (("mine", "--from", "{table}", "--answer", "served_by=us"), "external"),
    ],
)
def test_what_is_wrong_is_named(
    words: tuple[str, ...], told: str, table: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.parquet").touch()
    (tmp_path / "torn.parquet").write_bytes(table.read_bytes()[:4000])
    (tmp_path / "rowless.csv").write_text("id,time,score\n")
    given = [word.format(table=table, folder=tmp_path) for word in words]
    done = init(*given, "--to", tmp_path / "to")
    assert done.exit_code in (2, 3)
    assert told in done.stderr
    assert not (tmp_path / "to").exists()


def test_the_terminal_says_what_comes_next(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = init("mine", "--from", table)
    assert f"export AI_OPS_DEFS={tmp_path / 'ai_features'}" in done.stdout
    assert "owners.drift_monitoring.accountable: who answers" in done.stdout
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("AI_OPS_DEFS", str(tmp_path / "other"))
    assert str(tmp_path / "other" / "mine" / "defs.yaml") in init("mine", "--from", table).stdout


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="asks at a terminal")
def test_at_a_terminal_it_asks_and_an_empty_answer_leaves_a_question_open(tmp_path: Path) -> None:
    log(rows=200).drop(columns="label").to_parquet(tmp_path / "log.parquet")
    words = [*("mine", "--from", str(tmp_path / "log.parquet")), *("--to", str(tmp_path))]
    ours, theirs = os.openpty()
    # No such column (asked again), none, an owner that is none (asked again), one, three unknown.
    os.write(ours, b"truth\nnone\nann\nann@example.com\n\n\n\n")
    code = "from ai_ops.cli.features import app; app()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "init", *words], stdin=theirs, stdout=theirs, stderr=theirs
    )
    try:
        assert process.wait(60) == 0
    finally:
        os.close(theirs)
        said = os.read(ours, 65536).decode()
        os.close(ours)
    text = (tmp_path / "mine" / "defs.yaml").read_text()
    assert "the table has no column truth" in said
    assert "ann@example.com" in text and text.count("WHO?") == 3
    assert "# QUESTION: does anybody" not in text


def test_it_measures_no_more_than_it_must_of_a_folder_of_files(tmp_path: Path) -> None:
    frame = log(rows=3000)
    for place in range(3):
        part = frame[place * 1000 : (place + 1) * 1000]
        kept = part if place else part.drop(columns="tenant")
        kept.to_parquet(tmp_path / f"part-{place}.parquet")
    told = drafted(tmp_path / "to", "--from", tmp_path)
    assert loaded(told).source.files == f"{tmp_path}/*.parquet"  # type: ignore[union-attr]
    assert "from 3,000 rows" in Path(told["file"]).read_text()


VALUES = st.sampled_from(["number", "share", "whole", "text", "word", "truth", "time", "empty"])
NAMES = st.sampled_from(
    ["id", "time", "score", "label", "prediction", "p_a", "p_b", "a", "b", "Ü ber", "version", "x"]
)


def column(kind: str, rows: int, random: np.random.Generator) -> Any:
    match kind:
        case "number":
            return random.normal(size=rows)
        case "share":
            return random.random(rows)
        case "whole":
            return random.integers(0, 5, rows)
        case "text":
            return [f"t{n}" for n in range(rows)]
        case "word":
            return random.choice(["no", "yes", "null"], rows)
        case "truth":
            return random.random(rows) < 0.5
        case "time":
            return BEGIN + pd.to_timedelta(np.arange(rows), unit="h")
        case _:
            return [None] * rows


@pytest.mark.requirement("ST-01")
@settings(max_examples=12, deadline=None)
@given(
    columns=st.dictionaries(NAMES, VALUES, min_size=5, max_size=12),
    rows=st.sampled_from([1, 3, 150]),
    ending=st.sampled_from(["csv", "parquet"]),
)
def test_every_draft_loads_once_its_placeholders_are_answered(
    columns: dict[str, str], rows: int, ending: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: column(kind, rows, random) for name, kind in columns.items()})
    file = folder / f"log.{ending}"
    frame.to_csv(file, index=False) if ending == "csv" else frame.to_parquet(file)
    told = drafted(folder, "--from", file)
    text = Path(told["file"]).read_text()
    tree = yaml.safe_load(text)["attributes"]
    open_ones = [line for line in text.splitlines() if "# QUESTION:" in line]
    assert len(open_ones) == len(told["questions"]) + (not tree["inputs"])
    if tree["inputs"] and tree["outputs"]:
        loaded(told)


@pytest.mark.parametrize("width", [5, 500])
def test_tables_of_five_and_of_five_hundred_columns(width: int, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    frame = log(rows=400)[["created_at", "score", "label"]]
    more = {f"x{n}": random.normal(size=400) for n in range(width - 3)}
    wide = pd.concat([frame, pd.DataFrame(more)], axis=1)
    wide.to_parquet(tmp_path / "log.parquet")
    feature = loaded(drafted(tmp_path, "--from", tmp_path / "log.parquet"))
    assert len(feature.inputs) == width - 3
