"""A load test as a person runs it: of the own server, of one that runs elsewhere, and as a job."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.serving import ExpectedPeak
from ai_ops.checklist.jobs import load_test_job_name
from ai_ops.cli.main import assemble
from ai_ops.component import definitions_of
from ai_ops.inference_management.load_test import Asked, judge_load_test, run_load_test
from ai_ops.inference_management.load_test_place import apart, sweep
from ai_ops.orchestration.running import open_runner
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops_tests.inference_management import serving_world as world
from ai_ops_tests.inference_management.load_endpoint import Running, endpoint


def peak_of(feature: AiFeatureSpec, **serving: Any) -> AiFeatureSpec:
    return feature.model_copy(update={"serving": feature.serving.model_copy(update=serving)})


def as_json(*arguments: str) -> tuple[int, dict[str, Any], str]:
    result = CliRunner().invoke(assemble("drill"), ["drill", "load", *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout or "{}"), result.stderr


@pytest.fixture
def root(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Root:
    """A root in which version 1 is live, of a feature that is found where it is declared."""
    world.write_feature(tmp_path / "defs")
    monkeypatch.setenv("AI_OPS_DEFS", str(tmp_path / "defs"))
    return world.root_with(world.registered(tmp_path_factory.getbasetemp()), tmp_path / "root")


# The one test that starts the real server and measures every line: some seconds for each.
@pytest.mark.requirement("PL-22", "PL-23", "PL-24", "PL-25", "PL-26", "PL-27")
def test_the_own_server_is_tested_beside_production_and_leaves_nothing(root: Root) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    code, told, _ = as_json(world.NAME, "--root", str(root.folder), "--seconds", "0.5")
    # Half a second for each phase measures every line, and sees no endpoint that stalls at times.
    assert (code, told["status"]) == (3, "no_evidence")
    assert not [one for one in told["findings"] if one["status"] == "fail"]
    lines = {line["name"]: line["status"] for line in told["lines"]}
    assert list(lines) == [
        "sync_1x", "sync_2x", "batch", "mixed", "saturation", "duration", "cold_start", "memory",
    ]  # fmt: skip
    assert lines["cold_start"] == "pass"
    test, seen = told["test"], told["observed"]
    assert (test["version"], test["version_after"], test["url"]) == ("1", "1", None)
    assert seen["tested_rate"] == 100 and seen["size_class"] == "up to 1 MB"
    cold, memory = test["cold_start"], test["memory"]
    assert 0 < cold["model_load_seconds"] < cold["healthy_seconds"] < cold["answered_seconds"]
    assert 0 < memory["before_model_mb"] < memory["loaded_mb"] <= memory["peak_mb"]
    assert memory["predictions"] > 400
    assert test["made"] == ["city", "temp", "express"] or test["bodies"].startswith("1 rows of")
    # What is shown is what is kept, in the lake and in the ledger.
    kept, _ = root.lake.read_json(root.lake.path(world.NAME, "load_test", test["id"], "json"))
    assert kept == test
    for picture in ("cold_start", "sync_1x", "sync_2x", "batch", "mixed", "memory", "saturation"):
        content = root.lake.read_bytes(os.path.join(root.lake.url, kept["pictures"][picture]))
        assert content.startswith(b"\x89PNG")
    (recorded,) = root.ledger.verdicts(world.NAME, items=["load_test"])
    assert recorded.verdict.reason == told["reason"]
    # Nothing was logged as production's, and nothing runs or lies about.
    assert not root.segments.exists() and not (root.folder / "drills").exists()
    after = {child.pid for child in psutil.Process().children(recursive=True)}
    assert after <= before


def test_without_a_declared_peak_a_load_test_is_refused(root: Root) -> None:
    feature = peak_of(world.write_feature(root.folder.parent / "defs"), expected_peak=None)
    with pytest.raises(BadInput, match=r"serving\.expected_peak: not declared"):
        run_load_test(root, feature, Asked())


def test_where_nothing_is_live_there_is_nothing_to_test(tmp_path: Path) -> None:
    feature = world.write_feature(tmp_path / "defs")
    root = Root.open(tmp_path / "root", {})
    with pytest.raises(MissingEvidence, match="no version is live or in rehearsal"):
        run_load_test(root, feature, Asked())
    others = feature.model_copy(update={"served_by": "provider_api"})
    with pytest.raises(BadInput, match="name the address to test with --url"):
        run_load_test(root, others, Asked())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--url", "ftp://a:secret@b"), "--url: write http"),
        (("--seconds", "0"), "--seconds"),
        (("--bodies", "x"), "--bodies: the own server"),
        (("--pid", "1"), "--pid: the own server"),
        (("--url", "http://127.0.0.1:9", "--pid", "99999999"), "--pid: 99999999 cannot be"),
        (("--url", "http://127.0.0.1:9", "--bodies", "nowhere"), "--bodies: nowhere cannot be"),
    ],
)
def test_options_that_make_no_test_are_refused(
    root: Root, options: tuple[str, ...], words: str
) -> None:
    code, _, said = as_json(world.NAME, "--root", str(root.folder), *options)
    assert code == 2 and words in said and "secret" not in said


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with endpoint("well") as found:
        yield found


@pytest.mark.requirement("PL-24", "PL-25")
def test_an_endpoint_that_runs_elsewhere_has_no_cold_start_and_no_memory_of_its_own(
    root: Root, running: Running
) -> None:
    feature = world.write_feature(root.folder.parent / "defs")
    asked = Asked(f"{running.url}/", seconds=0.3, phases=("batch",), steps=1)
    test, _ = run_load_test(root, feature, asked)
    assert test.cold_start is None and test.memory is None and test.version is None
    verdict = judge_load_test(root, feature, root.clock.now())
    lacking = {finding.slice for finding in verdict.findings}
    expected = {"sync_1x", "sync_2x", "mixed", "cold_start", "memory", "version"}
    assert verdict.status == "no_evidence"
    assert {f"phase = {name}" for name in expected} <= lacking


def test_bodies_of_a_file_are_posted_to_the_very_address(
    root: Root, running: Running, tmp_path: Path
) -> None:
    file = tmp_path / "bodies.jsonl"
    file.write_text('{"instances": [1]}\n')
    others = world.write_feature(root.folder.parent / "defs").model_copy(
        update={"served_by": "provider_api"}
    )
    peak = ExpectedPeak(requests_per_second=100)
    asked = Asked(f"{running.url}/invocations?key=secret", file, 0.2, steps=1)
    test, _ = run_load_test(root, peak_of(others, expected_peak=peak), asked)
    assert [phase.name for phase in test.phases] == ["sync_1x", "sync_2x"] and not test.batches
    assert test.url == f"{running.url}/invocations"
    assert all(one.failed == 0 for phase in test.phases for one in phase.traffic)


@pytest.mark.requirement("PL-22")
def test_the_job_tests_an_address_and_shows_pictures_and_verdict(
    root: Root, running: Running
) -> None:
    feature = world.write_feature(root.folder.parent / "defs").model_copy(
        update={"served_by": "provider_api"}
    )
    feature = peak_of(feature, expected_peak=ExpectedPeak(requests_per_second=100))
    config = {f"{world.NAME}__load_test": {"url": running.url, "seconds": 0.2}}
    with open_runner(root.folder, definitions_of(feature)) as runner:
        result = runner.run(load_test_job_name(feature), config=config)
        assert result.success
        (made,) = result.asset_materializations_for_node(f"{world.NAME}__load_test")
        (shown,) = result.get_asset_check_evaluations()
    assert {"sync_1x", "sync_2x", "batch", "mixed", "saturation", "record"} <= set(made.metadata)
    assert "data:image/png" in str(made.metadata["sync_2x"].value)
    (recorded,) = root.ledger.verdicts(world.NAME, items=["load_test"])
    assert (shown.check_name, shown.passed) == ("load_test", recorded.verdict.passed)
    assert recorded.verdict.observed["sync_2x_failed"] == 0


def test_the_place_of_a_test_reads_production_s_books_and_writes_nowhere_near(root: Root) -> None:
    with apart(root) as place:
        other = Root.open(place.folder, place.environment)
        assert other.registry.champion(world.NAME) == "1"
        assert other.ledger.mode() == "replay" and other.clock.now() == root.clock.now()
        for folder in (other.segments, Path(other.lake.url)):
            assert folder.is_relative_to(root.folder / "drills")
    assert not (root.folder / "drills").exists()


def test_what_a_test_that_was_killed_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left, mine, other = (tmp_path / n for n in ("load-99999999-a", f"load-{os.getpid()}-b", "x"))
    for folder in (left, mine, other):
        folder.mkdir()
    sweep(tmp_path)
    assert [folder.exists() for folder in (left, mine, other)] == [False, True, True]
