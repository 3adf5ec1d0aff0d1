"""Faults planted in the logged values: columns, versions and counts are named, clean is green."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client import PredictionLog
from ai_ops.client.keys import Keys
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.conformity_report import judge_schema_conforms
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.prediction_logging.logging_world import FEATURE, INPUT, OUTPUT, World, moment

IDS = [f"p{number}" for number in range(20)]
PRIVATE = FEATURE.model_copy(
    update={
        "privacy": FEATURE.privacy.model_copy(
            update={"fields": {"city": "hash", "temp": "encrypt"}}
        )
    }
)
KEYS = Keys(hash=bytes(range(32)), encrypt={"k1": bytes(range(32))})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def judged(world: World, feature: AiFeatureSpec = FEATURE, day: str = "2021-03-04") -> Verdict:
    compute_prediction_log(world.root, feature, [moment(day)])
    return judge_schema_conforms(world.root, feature, moment(day))


def private_log(world: World, keys: Keys) -> PredictionLog:
    policy = policy_of(PRIVATE, "replay")
    return PredictionLog(
        world.root.segments, FEATURE.name, "web", world.clock, policy=policy, keys=keys
    )


def test_values_that_fit_are_green(world: World) -> None:
    with world.open_log() as log:
        world.write(log, *IDS)
        world.write(log, "q", input={**INPUT, "temp": None})
        world.write(log, "r", status="refused", error="temp: infinite", output=None)
    verdict = judged(world)
    assert (verdict.status, verdict.sample_size) == ("pass", 22)


def test_protected_values_are_no_mistakes_green(world: World) -> None:
    with private_log(world, KEYS) as log:
        world.write(log, *IDS)
    assert judged(world, PRIVATE).status == "pass"
    row = world.log_of().to_pylist()[0]
    assert row["input_city"].startswith("hmac:")
    assert row["input_temp"] is None
    assert '"enc:1:k1:' in row["input"]


@pytest.mark.fault("schema_conforms")
@pytest.mark.requirement("PL-04")
@pytest.mark.parametrize(
    ("changed", "column", "count"),
    [
        ({"input": {**INPUT, "temp": "20.5"}}, "input_temp", 3),
        ({"input": {"city": "A", "temp": 20.5}}, "input_express", 3),
        ({"output": {**OUTPUT, "late": "no"}}, "output_late", 3),
    ],
)
def test_values_that_do_not_fit_are_named_with_column_version_and_count(
    world: World, changed: dict[str, Any], column: str, count: int
) -> None:
    with world.open_log() as log:
        world.write(log, *IDS)
        world.write(log, "x", "y", "z", model_version="2", **changed)
    verdict = judged(world)
    assert (verdict.status, verdict.sample_size) == ("fail", 23)
    assert f"{column} of version 2 ({count})" in verdict.reason
    [finding] = verdict.findings
    assert (finding.kind, finding.columns, finding.size) == ("data_quality", (column,), count)


@pytest.mark.fault("schema_conforms")
def test_payloads_that_the_policy_could_not_protect_are_counted(world: World) -> None:
    with private_log(world, Keys(hash=KEYS.hash)) as log:  # a policy that encrypts, and no key
        world.write(log, *IDS)
    verdict = judged(world, PRIVATE)
    assert verdict.status == "fail"
    assert "20 of 20 rows were logged without their payload" in verdict.reason
    assert world.log_of()["input"].null_count == 20


@pytest.mark.fault("schema_conforms")
def test_a_value_that_only_looks_protected_is_a_mistake(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a", input={**INPUT, "temp": "hmac:0f"})
    assert judged(world).status == "fail"
    assert judged(world, PRIVATE).status == "pass"


def test_nothing_logged_is_no_evidence(world: World) -> None:
    assert judged(world).status == "no_evidence"
    with world.open_log() as log:
        world.write(log, *IDS)
        world.clock.time += timedelta(days=1)
    assert judged(world, day="2021-03-06").status == "no_evidence"
