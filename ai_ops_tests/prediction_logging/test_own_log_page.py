"""The page for logs of one's own: every YAML loads, and reads the event that is shown below it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.storage.root import Root
from ai_ops.vocabulary.words import SourceKind
from ai_ops_tests.prediction_logging.event_world import NOON, Read, values_of, write_lines

PAGE = Path(__file__).parents[2] / "docs" / "own_log.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
WHOLE, *PARTS = [yaml.safe_load(block) for kind, block in BLOCKS if kind == "yaml"]
EVENTS = [block for kind, block in BLOCKS if kind == "json"]
FILES = {
    "sagemaker_capture": "capture/delays-endpoint/blue/2021/03/04/12/a.jsonl",
    "kserve_events": "events/a.jsonl",
    "mlflow_traces": "traces/a.json",
    "otel_genai": "spans/a.jsonl",
}


def of_part(part: dict[str, Any], files: str | None = None) -> AiFeatureSpec:
    source = {**part["source"], **({"files": files} if files else {})}
    return AiFeatureSpec.model_validate({**WHOLE["attributes"], **part, "source": source})


def test_the_whole_yaml_loads(tmp_path: Path) -> None:
    file = tmp_path / "delays" / "defs.yaml"
    file.parent.mkdir()
    file.write_text(next(block for kind, block in BLOCKS if kind == "yaml"))
    assert load_feature(file).source is not None


def test_every_kind_has_its_yaml_and_every_yaml_its_event() -> None:
    assert {kind for kind, _ in BLOCKS} == {"yaml", "json"}
    kinds = [WHOLE["attributes"]["source"]["kind"], *(part["source"]["kind"] for part in PARTS)]
    assert kinds == list(SourceKind.__args__)  # type: ignore[attr-defined]
    assert len(EVENTS) == len(PARTS)
    for part in PARTS:
        assert of_part(part).source is not None


@pytest.mark.requirement("FQ-01", "FQ-12", "PL-08")
@pytest.mark.parametrize("place", range(4), ids=FILES)
def test_the_event_that_is_shown_is_read_by_the_yaml_above_it(tmp_path: Path, place: int) -> None:
    part, lines = PARTS[place], EVENTS[place].splitlines()
    file = FILES[part["source"]["kind"]]
    write_lines(tmp_path / file, lines)
    found = Read(Root.open(tmp_path, {}), of_part(part, file))
    [row] = found.rows
    assert not found.quarantined
    assert abs(row["time"] - NOON).total_seconds() < 1
    assert (row["status"], row["tenant"], row["wrong"]) == ("ok", "north", None)
    if part["source"]["kind"] == "otel_genai":
        assert (row["input_question"], row["output_answer"]) == ("Is it late?", "no")
        assert json.loads(row["cost"])["output_tokens"] == 3
    else:
        assert values_of(row) == (["Ulm", 20.5, True], [0.25, False])
