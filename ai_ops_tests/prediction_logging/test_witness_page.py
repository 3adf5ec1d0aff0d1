"""What the page for operators shows is run here, block by block."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ai_ops.ai_features import load_feature
from ai_ops.ai_features.logged import Logging, Witness, Writer
from ai_ops.cli.common import DEFS
from ai_ops.prediction_logging.access_lines import read_access
from ai_ops.prediction_logging.checks import CHECKS
from ai_ops.prediction_logging.witness_source import read_witness
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, moment

PAGE = Path(__file__).parents[2] / "docs" / "witness.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.M | re.S)
LOG = "/var/log/nginx/predict.json"


def blocks(kind: str) -> list[str]:
    found = [block for name, block in BLOCKS if name == kind]
    assert found
    return found


def test_no_block_is_of_a_kind_that_nothing_runs() -> None:
    assert {kind for kind, _ in BLOCKS} == {"yaml", "sh", "nginx", "csv", "python"}


def test_the_yaml_names_every_key_with_what_it_is_if_nothing_is_said() -> None:
    [block] = blocks("yaml")
    told = yaml.safe_load(block)["logging"]
    logging = Logging.model_validate(told)
    assert set(told) == set(Logging.model_fields)
    assert set(told["witness"]) == set(Witness.model_fields)
    assert all(set(writer) == set(Writer.model_fields) for writer in told["writers"])
    assert logging == Logging(writers=logging.writers, witness=logging.witness)
    assert logging.witness == Witness(table=told["witness"]["table"])


def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, root = tmp_path / "predict.json", tmp_path / "root"
    line = {"time_iso8601": "2021-03-04T12:34:56+00:00", "status": "200", "request": REQUEST}
    log.write_text(rendered(line) * 3)
    root.mkdir()
    monkeypatch.setenv("AI_OPS_ROOT", str(root))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    told = {}
    for command in "".join(blocks("sh")).splitlines():
        done = subprocess.run(
            ["bash", "-uc", command.replace(LOG, str(log))],
            capture_output=True,
            text=True,
            check=False,
        )
        told[command] = done.returncode, done.stderr
    # Nobody logs here: the writers are missed (1), and there is no verdict yet (3).
    assert [(code, error) for code, error in told.values()] == [
        (0, ""),
        (0, ""),
        (1, ""),
        (1, ""),
        (3, told[list(told)[-1]][1]),
    ]
    declared = load_feature(DEFS / "flight_delay" / "defs.yaml").logging.witness
    assert declared is not None
    assert len(list(root.glob(declared.table))) == 1


REQUEST = "POST /v1/quote HTTP/1.1"


def rendered(values: dict[str, str]) -> str:
    """A line as nginx writes it by the page's format."""
    [block] = blocks("nginx")
    parts = re.findall(r"'(.*)'", block)
    return re.sub(r"\$(\w+)", lambda name: values[name[1]], "".join(parts)) + "\n"


def test_the_proxys_format_is_one_that_the_witness_reads() -> None:
    line = {"time_iso8601": "2021-03-04T12:34:56+00:00", "status": "200", "request": REQUEST}
    found = read_access(rendered(line), "json", {"/v1/*"})
    assert found is not None
    assert (found.time.hour, found.writer) == (12, "web")


def test_the_tables_are_ones_that_the_check_reads(tmp_path: Path) -> None:
    folder = tmp_path / "served"
    folder.mkdir()
    witness = Witness(table="served/*.csv")
    feature = FEATURE.model_copy(
        update={"logging": FEATURE.logging.model_copy(update={"witness": witness})}
    )
    [table] = blocks("csv")
    (folder / "lb.csv").write_text(table)
    counts = read_witness(tmp_path, feature, [moment()])[DAY]
    assert counts.served["web"] == {f"{DAY}T12": 1731, f"{DAY}T13": 1804}

    shown: dict[str, Any] = {"__name__": "shown"}
    [block] = blocks("python")
    exec(compile(block, str(PAGE), "exec"), shown)
    noon = datetime.fromisoformat(f"{DAY}T12:59:59+00:00").astimezone(UTC)
    for minutes in (0, 0, 1):
        shown["count"](noon + timedelta(minutes=minutes))
        shown["write"](folder, "shop", DAY)
    (folder / "lb.csv").unlink()
    counts = read_witness(tmp_path, feature, [moment()])[DAY]
    assert (counts.served[""], counts.missing) == ({f"{DAY}T12": 2, f"{DAY}T13": 1}, "")


def test_each_check_has_its_row_and_each_row_its_check() -> None:
    rows = [line.split("|")[1] for line in TEXT.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(check.name for check in CHECKS)
