"""The page on labels is followed here: its YAML is loaded, its commands are run."""

import csv
import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from ai_ops.accuracy_evaluation.evaluation import compute_evaluation_run, read_run
from ai_ops.accuracy_evaluation.evaluation_set import compute_labelled_evaluation_set
from ai_ops.accuracy_evaluation.held_out import judge_evaluation_set_sufficient
from ai_ops.accuracy_evaluation.labels import compute_ground_truth, judge_labels_arrived
from ai_ops.cli.main import assemble
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.kinds_world import DAYS, built, moment

PAGE = Path(__file__).parents[2] / "docs" / "labels.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
NAME = "others_classes"


@pytest.mark.requirement("MO-01", "MO-02")
def test_a_feature_that_only_people_label_becomes_judged_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (declared,) = (text for kind, text in BLOCKS if kind == "yaml")
    truth = yaml.safe_load(declared.replace("tickets", NAME))["ground_truth"]
    source = {"files": "sources/answers.parquet", "columns": {"id": "id", "time": "at"}}
    shares = truth | {"evaluation_share": 1.0}
    world = built(tmp_path, "classes", ground_truth=shares, source=source)
    root, feature = world.root, world.feature
    month = Moment("2021-02-01", Window.of_month("2021-02-01"), moment(DAYS + 1).as_of)
    assert "no file matches" in judge_labels_arrived(root, feature, moment(DAYS - 1)).reason

    monkeypatch.setenv("AI_OPS_DEFS", str(tmp_path / "defs"))
    monkeypatch.setenv("AI_OPS_ROOT", str(root.folder))
    monkeypatch.chdir(tmp_path)
    (commands,) = (text for kind, text in BLOCKS if kind == "sh")
    for line in commands.splitlines():
        words = shlex.split(line.replace("tickets", NAME))
        done = CliRunner().invoke(assemble(), words[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}"
        if "export" in words:
            _fill(
                tmp_path / f"{NAME}.csv", dict(world.rows[["id", "truth"]].itertuples(index=False))
            )

    compute_ground_truth(root, feature, [moment(DAYS)])
    assert judge_labels_arrived(root, feature, moment(DAYS)).status == "pass"
    last = moment(DAYS - 1)
    compute_evaluation_run(root, feature, [Moment(last.partition, last.window, month.as_of)])
    run, _ = read_run(root, feature, last.partition)
    assert run.month.rows >= 50 and run.month.metrics["accuracy"].value > 0.5
    compute_labelled_evaluation_set(root, feature, [month])
    verdict = judge_evaluation_set_sufficient(root, feature, month)
    assert verdict.status == "no_evidence"
    assert re.search(r"has \d+ labels, needs \d+ for ±0.05 of accuracy", verdict.reason)


def _fill(form: Path, truth: dict[str, str]) -> None:
    with form.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with form.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(row | {"label": truth[row["id"]]} for row in rows)
