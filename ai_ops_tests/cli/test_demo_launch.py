"""The launch without waivers, as ``ai-ops demo --launch`` has it: all six items really run.

It puts real load on a real server for two minutes: ``.ci/run`` gives it a step of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ai_ops.cli.common import resolve_feature
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.words import PRE_LAUNCH_ITEMS

pytestmark = pytest.mark.skipif(
    not os.environ.get("AI_OPS_LAUNCH"), reason="takes minutes; .ci/run sets AI_OPS_LAUNCH"
)


def test_all_six_items_are_green_without_a_waiver(tmp_path: Path) -> None:
    options = ["--launch", "--until", "2013-04-08", "--no-ui", "--json", "--root", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "ai_ops.cli", "demo", *options], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    items = json.loads(done.stdout)["at_launch"]["items"]
    told = {item["id"]: (item["status"], item["reason"]) for item in items}
    assert {name: status for name, (status, _) in told.items()} == dict.fromkeys(
        PRE_LAUNCH_ITEMS, "pass"
    ), told
    standing = standing_of(Root.open(tmp_path, {}).ledger, resolve_feature("flight_delay").name)
    assert standing.launched is not None and not standing.waivers
    assert not list((tmp_path / "segments").glob("**/*drill*"))
