"""``ai-ops labels``: from predictions without labels to an accuracy, by the real commands."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from ai_ops.accuracy_evaluation.evaluation import compute_evaluation_run, read_run
from ai_ops.accuracy_evaluation.evaluation_set import compute_labelled_evaluation_set, read_set
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.accuracy_evaluation.queue_marks import queued
from ai_ops.cli.main import assemble
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.kinds_world import (
    DAYS,
    REFERENCE_DAYS,
    World,
    built,
    day_of,
    moment,
)
from ai_ops_tests.sourced_world import write_rows

pytestmark = pytest.mark.requirement("MO-02")

FIRST, LAST = day_of(REFERENCE_DAYS), day_of(DAYS - 1)
ANN = "ann@example.com"
Answer = Callable[[Any], Any]


@dataclass(frozen=True)
class Queue:
    """A world whose monitored predictions nobody labelled, and the commands."""

    world: World
    folder: Path
    truth: dict[str, Any]

    @property
    def root(self) -> str:
        return str(self.world.root.folder)

    def run(self, *arguments: str, ends: int = 0) -> str:
        done = CliRunner().invoke(assemble(), ["labels", *arguments, "--root", self.root])
        assert done.exit_code == ends, done.output
        return str(done.output)

    def said(self, *arguments: str, ends: int = 0) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.run(*arguments, "--json", ends=ends))
        return told

    def export(self, name: str, rows: int, *more: str) -> tuple[dict[str, Any], Path]:
        form = self.folder / name
        span = ["--from", FIRST, "--to", LAST, "--rows", str(rows), "--out", str(form)]
        return self.said("export", self.world.feature.name, *span, *more), form

    def take(self, form: Path, ends: int = 0) -> dict[str, Any]:
        return self.said("import", self.world.feature.name, str(form), "--by", ANN, ends=ends)

    def fill(self, form: Path, answer: Answer = str) -> list[dict[str, str]]:
        """Fill the form in as a spreadsheet would save it; returns its rows."""
        with form.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row["label"] = answer(self.truth[row["id"]])
        self.save(form, rows)
        return rows

    def save(self, form: Path, rows: list[dict[str, str]]) -> None:
        with form.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)

    def evaluated(self) -> Any:
        """The evaluation of the last day, after the labels have come in."""
        root, feature = self.world.root, self.world.feature
        compute_ground_truth(root, feature, [moment(DAYS)])
        last = moment(DAYS - 1)
        later = Moment(last.partition, last.window, moment(DAYS + 1).as_of)
        compute_evaluation_run(root, feature, [later])
        return read_run(root, feature, last.partition)[0]


def queue_in(folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch, **truth: Any) -> Queue:
    before = {}

    def unlabelled(rows: pd.DataFrame) -> pd.DataFrame:
        before.update(zip(rows["id"], rows["truth"], strict=True))
        monitored = rows["at"] >= pd.Timestamp(FIRST, tz="UTC")
        return rows.assign(truth=rows["truth"].astype(object).mask(monitored, None))

    kinds = {"classes": "classes", "numbers": "number", "decisions": "binary"}
    declared = {
        "kind": kinds[kind],
        "mature_after_hours": 12,
        "minimum_labels": 20,
        "minimum_coverage": 0.0,
        "evaluation_share": 1.0,
        **truth,
    }
    world = built(folder, kind, unlabelled, ground_truth=declared)
    monkeypatch.setenv("AI_OPS_DEFS", str(folder / "defs"))
    return Queue(world, folder, before)


@pytest.mark.parametrize(
    ("kind", "truth"),
    [("classes", {}), ("numbers", {}), ("decisions", {"positive": "malignant"})],
)
def test_labels_that_people_give_reach_the_accuracy_and_only_the_drawn_speak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, truth: dict[str, Any]
) -> None:
    queue = queue_in(tmp_path, kind, monkeypatch, **truth)
    told, form = queue.export("form.csv", 100)
    assert told["rows"] == 100 and told["blind"]
    rows = queue.fill(form)
    assert list(rows[0]) == ["id", "time", "call_site", "input_signal", "label"], "blind"
    assert len({row["id"] for row in rows}) == 100
    taken = queue.take(form)
    assert (taken["taken"], taken["quarantined"], taken["drawn_open"]) == (100, [], 0)

    run = queue.evaluated()
    feature, root = queue.world.feature, queue.world.root
    record = queued(root.lake, feature.name).to_pandas()
    drawn = record[record["picked_by"] == "drawn"]
    assert len(record) == 100 and len(drawn) >= 50
    assert (run.month.rows, run.month.days) == (len(drawn), drawn["day"].nunique())
    assert drawn["probability"].between(0, 1).all()
    assert set(record.loc[record["picked_by"] == "doubt", "probability"].isna()) <= {True}
    if kind == "classes":
        assert told["picked"]["doubt"] > 20 and told["picked"]["stratum"] > 0
        hits = [queue.truth[id] == _answer(queue, id) for id in drawn["id"]]
        assert run.month.metrics["accuracy"].value == pytest.approx(sum(hits) / len(hits))

    once_more = queue.take(form)
    assert (once_more["taken"], once_more["already"]) == (0, 100)
    files = sorted(Path(root.lake.url).glob(f"{feature.name}/human_labels/**/*"))
    assert len([file for file in files if file.suffix == ".parquet"]) == 1
    assert len([file for file in files if file.suffix == ".json"]) == 1, "nothing was done"
    labels = pq.read_table(next(file for file in files if file.suffix == ".parquet"))
    assert set(labels["labelled_by"].to_pylist()) == {ANN}

    month = Moment("2021-02-01", Window.of_month("2021-02-01"), moment(DAYS + 1).as_of)
    compute_labelled_evaluation_set(root, feature, [month])
    found, _ = read_set(root, feature, month.partition)
    february = record[record["day"] >= "2021-02-01"].groupby("picked_by").size()
    assert found.of_strata == february.get("stratum", 0)
    assert found.rows == february["drawn"] + found.of_strata, "what was picked for doubt is no part"
    assert found.live is not None and found.live.measured.rows == february["drawn"]


def _answer(queue: Queue, id: str) -> Any:
    rows = queue.world.rows
    return rows.loc[rows["id"] == id, "answer"].iloc[0]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("queue")
        yield queue_in(folder, "classes", patch)


def test_what_cannot_be_taken_is_named_by_its_line_and_kept(sent: Queue) -> None:
    _, form = sent.export("broken.csv", 12)
    rows = sent.fill(form)
    twice = {**rows[1], "label": "ant" if rows[1]["label"] != "ant" else "bee"}
    rows[0]["id"] = "[red]nobody\x1b[2J"
    rows[5]["label"] = "antt"
    rows[2]["label"] = " "
    rows[3]["id"] = ""
    rows += [twice, {**rows[4]}]
    sent.save(form, rows)
    taken = sent.take(form, ends=1)
    assert {one["line"]: one["reason"].split(":")[0] for one in taken["quarantined"]} == {
        2: "no readable logged prediction has this id",
        3: "the file has several labels of this id",
        14: "the file has several labels of this id",
        5: "a label without an id",
    }
    assert (taken["lines"], taken["taken"], taken["open"], taken["repeated"]) == (14, 8, 1, 1)
    assert taken["drawn_open"] > 0, "of the drawn rows some were not labelled"
    shown = sent.run("import", sent.world.feature.name, str(form), "--by", ANN, ends=1)
    assert "9 known already" in shown and "line" in shown
    assert "[red]nobody" in shown and "\x1b[2J" not in shown, "what somebody wrote is only shown"
    assert taken["unheard"] == {"antt": 1} and taken["labels"]["antt"] == 1

    other = sent.folder / "other.csv"
    flipped = {"ant": "bee"}.get(rows[6]["label"], "ant")
    sent.save(other, [{"id": rows[6]["id"], "label": flipped}])
    (refused,) = sent.take(other, ends=1)["quarantined"]
    assert f"contradicts the label {rows[6]['label']} that is known since" in refused["reason"]
    asked = set(queued(sent.world.root.lake, sent.world.feature.name)["id"].to_pylist())
    stranger = next(id for id in reversed(sent.truth) if id not in asked)
    unasked = sent.folder / "unasked.csv"
    sent.save(unasked, [{"id": stranger, "label": "cat"}])
    kept = sent.take(unasked, ends=1)
    words = f"row {stranger} was never handed out; export it first"
    assert (kept["taken"], [one["reason"] for one in kept["quarantined"]]) == (0, [words])
    folder = Path(sent.world.root.lake.url) / sent.world.feature.name / "human_labels"
    quarantine = [pq.read_table(path).num_rows for path in (folder / "quarantine").iterdir()]
    assert sorted(quarantine) == [1, 1, 4], "the same form once more is quarantined once"


def test_a_row_is_handed_out_once_and_a_form_is_never_overwritten(sent: Queue) -> None:
    _, first = sent.export("first.csv", 30)
    _, second = sent.export("second.parquet", 30, "--with-answers")
    ids = set(pd.read_csv(first)["id"])
    other = pq.read_table(second).to_pandas()
    log = sent.world.root.lake.glob(f"{sent.world.feature.name}/prediction_log/*.parquet")
    inputs = pd.concat(pd.read_parquet(path, columns=["id", "input_signal"]) for path in log)
    merged = other.merge(inputs, on="id")
    assert len(merged) == 30 and (merged["input_signal_x"] == merged["input_signal_y"]).all()
    assert not ids & set(other["id"]) and {"output_answer", "output_p_ant"} <= set(other.columns)
    refused = ["export", sent.world.feature.name, "--day", LAST, "--out", str(first)]
    assert "is there already" in sent.run(*refused, ends=2)
    assert "--day" in sent.run(*refused, "--from", LAST, ends=2)
    another = ["export", sent.world.feature.name, "--out", str(sent.folder / "form.xlsx")]
    assert "neither with .csv nor with .parquet" in sent.run(*another, "--day", LAST, ends=2)
    assert "--day: write a day" in sent.run(*another, "--day", "2021-02-40", ends=2)
    bad = ["import", sent.world.feature.name, str(first), "--by", "ann"]
    assert "as ann@example.com (found 'ann')" in sent.run(*bad, ends=2)
    no_form = sent.folder / "no_form.csv"
    no_form.write_text("a,b\n1,2\n")
    words = sent.run("import", sent.world.feature.name, str(no_form), "--by", ANN, ends=2)
    assert "no column id (have a, b)" in words


def test_a_label_that_the_source_tells_later_speaks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every label comes late, after people gave some: the rows picked for doubt count again, and
    none that nobody was asked about is lost to a wrong label."""
    queue = queue_in(tmp_path, "classes", monkeypatch)
    _, form = queue.export("form.csv", 100)
    rows = queue.fill(form)
    queue.take(form)
    asked = {row["id"] for row in rows}
    unasked = [id for id in queue.truth if id not in asked][-20:]
    wrong = [{"id": id, "label": "bee" if queue.truth[id] != "bee" else "ant"} for id in unasked]
    queue.save(queue.folder / "wrong.csv", wrong)
    refused = queue.take(queue.folder / "wrong.csv", ends=1)
    assert (refused["taken"], len(refused["quarantined"])) == (0, 20)
    few, start = queue.evaluated().month.rows, pd.Timestamp(FIRST, tz="UTC")
    root, feature = queue.world.root, queue.world.feature
    assert 0 < few < 100
    monitored = queue.world.rows[queue.world.rows["at"] >= start]
    ids = monitored["id"].tolist()
    labels = {"id": ids, "label": [queue.truth[id] for id in ids]}
    known = moment(DAYS).window.end + timedelta(hours=1)
    table = pd.DataFrame(labels).assign(available_at=known)
    write_rows(Path(root.lake.path(feature.name, "source_labels", "later")), table)
    compute_ground_truth(root, feature, [moment(DAYS), moment(DAYS + 1)])
    last = moment(DAYS - 1)
    compute_evaluation_run(
        root, feature, [Moment(last.partition, last.window, moment(DAYS + 2).as_of)]
    )
    run, _ = read_run(root, feature, last.partition)
    assert run.month.rows == len(ids)
