"""The page for the first hour is lived through here, block by block and command by command."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from ai_ops.cli import demo_run
from ai_ops.cli.main import assemble

PAGE = Path(__file__).parents[1] / "docs" / "first_hour.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)


class Reader:
    """Somebody who does what the page says, in one folder; ``told`` is what each command said."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PWD", str(folder))
        monkeypatch.setenv("COLUMNS", "250")
        self._monkeypatch, self._app = monkeypatch, assemble()
        self.told: list[tuple[str, Result]] = []

    def follow(self, kind: str, block: str) -> None:
        if kind == "python":
            exec(compile(block, str(PAGE), "exec"), {"__name__": "shown"})
            return
        assert kind == "sh", f"nothing runs a block of {kind}"
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(os.path.expandvars(line), comments=True)
            match words:
                case ["export", *pairs]:
                    for pair in pairs:
                        name, _, value = pair.partition("=")
                        self._monkeypatch.setenv(name, value)
                case ["ai-ops", *arguments]:
                    self._run(line, arguments)
                case _:
                    subprocess.run(["bash", "-euc", line], check=True)

    def _run(self, line: str, arguments: list[str]) -> None:
        expected = re.search(r"# exit code (\d)$", line)
        done = CliRunner().invoke(self._app, arguments)
        assert done.exit_code == int(expected[1] if expected else 0), f"{line}\n{done.output}"
        self.told.append((line, done))

    def answer_of(self, begin: str) -> str:
        return next(done.output for line, done in reversed(self.told) if line.startswith(begin))


@pytest.fixture(scope="module")
def opened() -> Iterator[list[Any]]:
    """Where the UI was opened, instead of opening it: it would stay until somebody ends it."""
    with pytest.MonkeyPatch.context() as patch:
        places: list[Any] = []
        patch.setattr(demo_run, "open_ui", lambda folder, port, *_: places.append((folder, port)))
        yield places


@pytest.mark.requirement("PL-08", "ST-01")
def test_the_first_hour_ends_where_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[Any]
) -> None:
    reader = Reader(tmp_path, monkeypatch)
    for kind, block in BLOCKS:
        reader.follow(kind, block)
    commands = {" ".join(line.split()[1:3]) for line, _ in reader.told}
    assert {
        "features init",
        "features check",
        "predictions find",
        "predictions explain",
    } <= commands
    declared = yaml.safe_load((tmp_path / "features/tumour/defs.yaml").read_text())["attributes"]
    assert declared["source"]["columns"]["tenant"] == "clinic"
    assert declared["ground_truth"]["mature_after_hours"] == 12
    assert "3,780 rows in 1 files" in reader.answer_of("ai-ops features check")
    assert "mean_texture" in reader.answer_of("ai-ops drift show")
    assert '"tenant": "east"' in reader.answer_of("ai-ops verdicts")
    assert "unprovable" in reader.answer_of("ai-ops checklist")
    assert "scan-03600" in reader.answer_of("ai-ops predictions explain")
    assert opened == [(tmp_path / "state", 3000)]
