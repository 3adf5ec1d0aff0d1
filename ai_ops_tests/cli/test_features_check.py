"""``ai-ops features check`` against the data: each thing that does not fit, with its mend."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner, Result

from ai_ops.cli.features import app
from ai_ops_tests.cli.test_features_init import OWNERS, init, log

Frame = pd.DataFrame
Edit = Callable[[dict[str, Any]], object]


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)], env={"COLUMNS": "250"})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feature with labels beside the log that fits to its data."""
    folder, frame = tmp_path_factory.mktemp("made"), log()
    write(folder, frame.drop(columns="label"))
    labels = pd.DataFrame(
        {
            "prediction_id": frame["prediction_id"],
            "label": frame["label"],
            "available_at": frame["created_at"] + pd.Timedelta(days=1),
        }
    )
    labels.to_parquet(folder / "labels.parquet")
    done = init(
        *("mine", "--from", folder / "log.parquet", "--labels", folder / "labels.parquet"),
        *("--to", folder / "defs", *OWNERS),
        *("--answer", "ground_truth.mature_after_hours=24"),
    )
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "defs" / "mine" / "defs.yaml"
    file.write_text(file.read_text().replace(str(made), str(tmp_path)))
    return tmp_path


def write(folder: Path, frame: Frame) -> None:
    frame.to_parquet(folder / "log.parquet")


def changed(folder: Path, change: Callable[[Frame], object]) -> None:
    frame = pd.read_parquet(folder / "log.parquet")
    kept = change(frame)
    write(folder, kept if isinstance(kept, Frame) else frame)


def labels_changed(folder: Path, change: Callable[[Frame], object]) -> None:
    frame = pd.read_parquet(folder / "labels.parquet")
    kept = change(frame)
    (kept if isinstance(kept, Frame) else frame).to_parquet(folder / "labels.parquet")


def declared(folder: Path, edit: Edit) -> None:
    file = folder / "defs" / "mine" / "defs.yaml"
    tree = yaml.safe_load(file.read_text())
    edit(tree["attributes"])
    file.write_text(yaml.safe_dump(tree, sort_keys=False))


@pytest.mark.requirement("ST-01")
def test_a_feature_that_fits_is_told_with_its_shape(folder: Path) -> None:
    done = check(folder / "defs")
    assert done.exit_code == 0, done.output
    assert "OK (mine: 2,000 rows in 1 files, 2026-01-05 … 2026-03-29, 100.0% labelled)" in (
        done.stdout
    )
    assert done.stderr == ""
    (told,) = json.loads(check(folder / "defs", "--json").stdout)["features"]
    assert (told["mistakes"], told["flags"]) == ([], [])
    assert told["data"]["days"] == 84 and set(told["data"]["labels"]) == {"true", "false"}


def test_a_check_makes_no_root(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pd.read_parquet(folder / "log.parquet").to_csv(folder / "log.csv", index=False)
    declared(folder, lambda a: a["source"].update(files=str(folder / "log.csv")))
    monkeypatch.chdir(folder)
    assert check(folder / "defs").exit_code == 0
    assert not (folder / "data").exists()
    declared(folder, lambda a: a["source"].update(files="log.csv"))
    done = check(folder / "defs")
    assert (
        done.exit_code == 2 and "--root" in done.stderr and "log.csv lies below it" in done.stderr
    )
    assert check(folder / "defs", "--root", folder).exit_code == 0


def test_an_open_question_fails_the_check(folder: Path) -> None:
    file = folder / "defs" / "mine" / "defs.yaml"
    file.write_text(file.read_text().replace("  title:", "  # QUESTION: what is it?\n  title:"))
    done = check(folder / "defs")
    assert done.exit_code == 2
    assert re.search(rf"{file}:\d+: QUESTION: what is it\?", done.stderr)


@pytest.mark.requirement("ST-01")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda f: f.drop(columns="age"),
            "column age: the file has no such column: map it with source.inputs.age: COLUMN",
        ),
        (lambda f: f.rename(columns={"age": "Age"}), "map it with source.inputs.age: Age"),
        (lambda f: f.drop(columns="tenant"), "no column tenant, which source.columns.tenant names"),
        (
            lambda f: f.assign(age="ab"),
            "column age: row 1: 'ab' is no number, 2,000 of 2,000 (100 %) values like it: correct",
        ),
        (
            lambda f: f.assign(is_new=np.where(f.index == 41, "perhaps", "true")),
            "column is_new: row 42: 'perhaps' is neither true nor false",
        ),
        (
            lambda f: f.assign(plan=f["plan"].where(f.index % 3 > 0)),
            "column plan: row 1: 667 of 2,000 (33 %) values are missing: declare the input",
        ),
        (
            lambda f: f.assign(score=f["score"] * 100),
            "column score: row 1: ",
        ),
        (
            lambda f: f.assign(score=f["score"].where(f.index != 7, 1.5)),
            "row 8: 1.5 is no probability, 1 of 2,000 (0.05 %) values like it: name the right",
        ),
        (
            lambda f: f.assign(score=f["score"].where(f.index != 7, 1.0000001)),
            "row 8: 1.0000001 is no probability",
        ),
        (
            lambda f: f.assign(score=f["score"].where(f.index > 99)),
            "column score: row 1: 100 of 2,000 (5 %) answers are missing: map source.columns",
        ),
        (
            lambda f: f.assign(created_at=f["created_at"].where(f.index % 10 > 2)),
            "column created_at: row 1: no time: 600 of 2,000 (30 %) rows belong to no day",
        ),
        (
            lambda f: f.assign(created_at=f["created_at"].dt.tz_localize(None)),
            "holds times without a zone: name it as source.time_zone",
        ),
        (
            lambda f: f.assign(created_at="yesterday"),
            "column created_at: row 1: no time can be read from it: 2,000 of 2,000",
        ),
        (
            lambda f: f.assign(created_at=f["created_at"] + pd.Timedelta(days=365 * 60)),
            "rows lie in the future",
        ),
        (
            lambda f: f.assign(prediction_id=f["prediction_id"].where(f.index < 1800, "p-5")),
            "column prediction_id: row 1,801: 'p-5' stands here and in",
        ),
        (
            lambda f: f.assign(prediction_id=f["prediction_id"].where(f.index > 99)),
            "column prediction_id: row 1: 100 rows have no id, set apart",
        ),
        (lambda f: f.head(0), "it has columns and no rows"),
    ],
)
def test_what_does_not_fit_is_named_with_column_row_and_mend(
    change: Callable[[Frame], Frame], told: str, folder: Path
) -> None:
    changed(folder, change)
    done = check(folder / "defs")
    assert f"{folder / 'log.parquet'}: " in done.stderr or f"{folder}/log" in done.stderr
    assert told in done.stderr, done.stderr


def test_a_few_wrong_values_warn_and_many_fail(folder: Path) -> None:
    changed(folder, lambda f: f.assign(plan=f["plan"].where(f.index != 3)))
    few = check(folder / "defs")
    assert few.exit_code == 0 and "warning: " in few.stderr and "row 4: 1 of 2,000" in few.stderr
    changed(folder, lambda f: f.assign(plan=f["plan"].where(f.index % 2 == 0)))
    assert check(folder / "defs").exit_code == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"PAR1 and no more", "not a readable Parquet file (cut off, or another format)"),
    ],
)
def test_a_file_that_is_none_is_named(content: bytes, told: str, folder: Path) -> None:
    declared(folder, lambda a: a["source"].update(files=str(folder / "log*.parquet")))
    (folder / "log-2.parquet").write_bytes(content)
    done = check(folder / "defs")
    assert done.exit_code == 2
    assert f"{folder / 'log-2.parquet'}: {told}" in done.stderr
    declared(folder, lambda a: a["source"].update(files=str(folder / "none*.parquet")))
    assert "source.files: no file matches" in check(folder / "defs").stderr


def test_a_csv_with_a_mark_and_semicolons_and_a_short_row(folder: Path) -> None:
    frame = pd.read_parquet(folder / "log.parquet")
    text = frame.head(100).to_csv(index=False, sep=";").splitlines()
    text[50] = "p-49;only two"
    (folder / "log.csv").write_text("\ufeff" + "\n".join(text) + "\n")
    declared(folder, lambda a: a["source"].update(files=str(folder / "log.csv")))
    done = check(folder / "defs")
    assert f"{folder / 'log.csv'}: row 50: 2 members where the header has 13" in done.stderr


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (lambda f: f.head(0), 2, "no prediction has a label: are there none yet?"),
        (lambda f: f.head(1000), 0, "50.0% of the predictions have a label"),
        (
            lambda f: f.assign(label=f["label"].map({True: "yes", False: "no"})),
            2,
            "column label: row 1: 'yes' is no label of kind binary, 2,000 of 2,000 (100 %) like it:"
            " name the label that means yes as ground_truth.positive",
        ),
        (
            lambda f: f.assign(prediction_id="x" + f["prediction_id"]),
            2,
            "column prediction_id: row 1: 'xp-0' is no prediction of the log, 2,000 of 2,000",
        ),
        (
            lambda f: pd.concat([f, f.tail(30).assign(prediction_id="stray")]),
            0,
            "column prediction_id: row 2,001: 'stray' is no prediction of the log, 30 of 2,030",
        ),
        (lambda f: f.drop(columns="label"), 2, "column label: the file has no such column"),
        (
            lambda f: f.drop(columns="available_at"),
            2,
            "or null where no column tells when a label became known",
        ),
        (lambda f: f.assign(label=True), 0, "every label is true"),
    ],
)
def test_labels_that_do_not_fit(
    change: Callable[[Frame], object], code: int, told: str, folder: Path
) -> None:
    labels_changed(folder, change)
    done = check(folder / "defs")
    assert told in done.stderr, done.stderr
    assert str(folder / "labels.parquet") in done.stderr
    assert done.exit_code == code


def test_classes_that_only_one_side_knows(folder: Path) -> None:
    frame = log().drop(columns=["score", "churns"])
    frame["prediction"] = np.where(frame.index % 3 == 0, "a", "b")
    frame["label"] = np.where(frame.index % 5 == 0, "c", frame["prediction"])
    frame.to_parquet(folder / "classes.parquet")
    assert (
        init("kinds", "--from", folder / "classes.parquet", "--to", folder, *OWNERS).exit_code == 0
    )
    done = check(folder / "kinds")
    assert "labels that the model never answers: c; it knows a, b" in done.stderr


@pytest.mark.parametrize(
    ("edit", "code", "told"),
    [
        (
            lambda a: a["monitoring"].update(start=date(2027, 1, 1), end=None),
            2,
            "none is monitored",
        ),
        (lambda a: a["monitoring"].update(start=date(2025, 1, 1)), 0, "lies before the first row"),
        (lambda a: a.pop("reference"), 0, "reference: nothing says what is normal"),
        (
            lambda a: a["reference"].update(last_day=date(2026, 1, 20)),
            2,
            "reference: 16 days with rows, 28 are needed",
        ),
        (
            lambda a: a["reference"].update(first_day=date(2020, 1, 1), last_day=date(2020, 3, 1)),
            2,
            "reference: the log has no row from 2020-01-01 to 2020-03-01",
        ),
        (lambda a: a["drift"].update(minimum_rows=5000), 0, "and will not be judged: lower it"),
        (
            lambda a: a["monitoring"].update(start=date(2026, 1, 20)),
            0,
            "what is judged should not be its own norm",
        ),
        (lambda a: a["source"].update(time_zone="Mars/Phobos"), 2, "Mars/Phobos is no time zone"),
    ],
)
def test_days_that_the_log_does_not_have(edit: Edit, code: int, told: str, folder: Path) -> None:
    declared(folder, edit)
    done = check(folder / "defs")
    assert told in done.stderr, done.stderr
    assert done.exit_code == code


def test_days_without_a_row_are_told(folder: Path) -> None:
    gap = pd.Timestamp("2026-02-10", tz="UTC")
    changed(
        folder,
        lambda f: f[(f["created_at"] < gap) | (f["created_at"] > gap + timedelta(days=3))],
    )
    done = check(folder / "defs")
    assert done.exit_code == 0
    assert "3 monitored days have no row at all, the first is 2026-02-10" in done.stderr


def test_a_reference_set_of_its_own_is_held_against_the_columns(folder: Path) -> None:
    frame = pd.read_parquet(folder / "log.parquet")
    frame.drop(columns=["age", "tenant"]).head(300).to_parquet(folder / "train.parquet")
    files = {"files": str(folder / "train.parquet")}
    declared(folder, lambda a: a.update(reference=files))
    done = check(folder / "defs")
    assert done.exit_code == 2
    assert f"{folder / 'train.parquet'}: column age: the file has no such column" in done.stderr
    assert "the reference has 13 days, 28 are needed" in done.stderr
    frame.drop(columns="created_at").to_parquet(folder / "train.parquet")
    done = check(folder / "defs")
    assert done.exit_code == 0
    assert "the reference tells no days" in done.stderr


def test_nanoseconds_with_a_zone_are_times(folder: Path) -> None:
    changed(folder, lambda f: f.assign(created_at=f["created_at"].astype("datetime64[ns, UTC]")))
    assert check(folder / "defs").exit_code == 0
