"""What the page for application developers shows is run here, block by block."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from ai_ops.client import opened
from ai_ops.client.keys import keys_from
from ai_ops.client.lines import read_line
from ai_ops.client.records import PredictionRecord
from ai_ops_tests.client.test_middleware import post

PAGE = Path(__file__).parents[2] / "docs" / "logging.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def run_shell(block: str) -> dict[str, str]:
    """Run a block as a person would, and give the environment that it leaves."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", f"{block}\nenv -0"],
        capture_output=True,
        check=True,
        env={**os.environ, "PATH": path},
    )
    pairs = (line.decode().partition("=") for line in done.stdout.split(b"\0") if b"=" in line)
    return {name: value for name, _, value in pairs}


def records(folder: str) -> dict[str, PredictionRecord]:
    lines = [
        read_line(line)
        for file in Path(folder).glob("*/*/*.jsonl")
        for line in file.read_bytes().splitlines(keepends=True)
    ]
    return {str(r.call_site): r for r in lines if isinstance(r, PredictionRecord)}


@pytest.mark.requirement("ST-02", "ST-05")
def test_every_block_of_the_page_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown: dict[str, Any] = {"__name__": "shown"}
    left: dict[str, str] = {}
    for kind, block in BLOCKS:
        match kind:
            case "sh":
                left = run_shell(block)
            case "python":
                exec(compile(block, str(PAGE), "exec"), shown)
            case _:
                pytest.fail(f"nothing runs a block of {kind}")

    with pytest.raises(shown["OutOfScope"]):
        shown["delay"]("c-17", "UA", 20_000)

    async def streamed() -> list[str]:
        return [word async for word in shown["stream"]("how late?", object())]

    assert asyncio.run(streamed()) == ["Late", " by ", "20"]

    @shown["app"].post("/v1/delay")
    async def delay(request: Request) -> Any:
        return {"carrier": (await request.json())["carrier"]}

    post(shown["app"], b'{"carrier": "UA"}', url="/v1/delay")
    assert shown["score"]("UA", 1400) == {"probability": 0.25}
    shown["log"].close()
    told = records("segments")
    assert set(told) == {"shown.delay", "shown.stream", "/v1/*", "shown.score", "assistant"}
    driven = {"model": "gpt-4o-mini-2024-07-18", "input_tokens": 1200, "output_tokens": 6}
    assert json.loads(bytes(told["assistant"].cost)) == driven
    assert (told["shown.delay"].status, told["shown.delay"].subject) == ("refused", "c-17")
    assert bytes(told["shown.stream"].output) == b'"Late by 20"'
    assert bytes(told["/v1/*"].input) == b'{"carrier": "UA"}'
    assert told["shown.score"].mode == "batch"
    (private,) = records("private").values()
    note = re.search(rb"enc:1:2021a:[\w-]+", bytes(private.input))
    assert note and opened(note[0].decode(), shown["keys"]) == "call back"
    assert list(keys_from(left).encrypt) == ["2021a"]
