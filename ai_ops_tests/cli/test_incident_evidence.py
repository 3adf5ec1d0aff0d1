"""What a person sees who has to conclude a drift: the signs, the sample, and a word of warning."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from ai_ops.drift_monitoring.causing import cause_path
from ai_ops.drift_monitoring.sample_rows import PRIVACY, rows_path
from ai_ops.storage.identities import Identities
from ai_ops_tests.cli.deciding_world import FEATURE, SCIENTIST, World, replay

NAME = FEATURE.name
ID, DAY = "drift-2021-03-04", "2021-03-06"
SAMPLE = f"{NAME}/drift_report/rows/{DAY}.parquet"
SIGN = {
    "name": "units",
    "direction": "bad_data",
    "strength": 0.95,
    "words": "its numbers are in another unit: °F to °C",
    "numbers": {"factor": 0.5556},
}


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    """A replay with an incident of drift whose signs say that data is bad."""
    world = replay(tmp_path, versions=0)
    Identities(tmp_path / "identities").create(SCIENTIST)
    world.happened(
        "incident_opened",
        incident=ID,
        alert="drift",
        item="input_drift",
        begin="2021-03-04",
        reason="temp moved",
        version="1",
        severity="warning",
    )
    world.happened(
        "incident_step",
        incident=ID,
        step="sample_pulled",
        reason="the rows are kept",
        cause="bad_data",
        since="2021-03-02",
        sample={"source": SAMPLE, "digest": "ab" * 32},
    )
    lake = world.root.lake
    told = {"column": "temp", "cause": "bad_data", "reason": SIGN["words"], "signs": [SIGN]}
    lake.write_json(cause_path(world.root, FEATURE, DAY), {"columns": [told]})
    write_rows(world, delete_after="2022-04-10")
    return world


def write_rows(world: World, delete_after: str) -> None:
    columns = {
        "side": ["now", "reference"],
        "input_temp": [4.5, float("nan")],
        "id": ["[red]a", None],
    }
    policy = {"fields": {"tenant": "drop"}, "delete_after": delete_after}
    table = pa.table(columns).replace_schema_metadata({PRIVACY: json.dumps(policy)})
    world.root.lake.write_table(rows_path(world.root, FEATURE, DAY), table)


@pytest.mark.requirement("PB-12", "PB-13")
def test_an_incident_shows_the_signs_the_sample_and_how_to_look_at_it(ai_ops: World) -> None:
    data = json.loads(ai_ops("incidents", "show", NAME, ID, "--json").out)
    assert (data["cause"], data["since"], data["sample"]) == ("bad_data", "2021-03-02", SAMPLE)
    assert data["look"] == f"ai-ops drift rows {NAME} {DAY}"
    assert data["evidence"][0]["signs"] == [SIGN]
    words = ai_ops("incidents", "show", NAME, ID).out
    assert "cause: bad_data" in words
    assert "temp: bad data" in words
    assert "bad data 0.95: its numbers are in another unit: °F to °C (units)" in words


@pytest.mark.requirement("PB-11", "PB-12")
def test_the_rows_are_shown_to_a_person_and_as_json(ai_ops: World) -> None:
    shown = ai_ops("drift", "rows", NAME, DAY)
    assert shown.code == 0, shown.err
    assert "rows that drove it" in shown.out and "the reference" in shown.out
    assert "[red]a" in shown.out and "4.5" in shown.out
    assert "to be deleted after 2022-04-10" in shown.out
    data = json.loads(ai_ops("drift", "rows", NAME, DAY, "--json").out)
    assert data["rows"][0] == {"side": "now", "input_temp": 4.5, "id": "[red]a"}
    assert data["rows"][1]["input_temp"] is None
    assert data["privacy"]["fields"] == {"tenant": "drop"}


def test_rows_that_were_never_kept_or_are_kept_too_long_are_not_shown(ai_ops: World) -> None:
    absent = ai_ops("drift", "rows", NAME, "2021-03-01")
    assert absent.code == 3 and "no rows were kept of 2021-03-01" in absent.err
    assert "the latest are: 2021-" in absent.err
    write_rows(ai_ops, delete_after="2001-01-31")
    late = ai_ops("drift", "rows", NAME, DAY)
    assert late.code == 3 and "to be kept until 2001-01-31 only" in late.err


@pytest.mark.requirement("PB-12")
@pytest.mark.parametrize(("conclusion", "warned"), [("genuine_shift", True), ("bad_data", False)])
def test_a_conclusion_against_the_signs_stands_and_says_so(
    ai_ops: World, conclusion: str, warned: bool
) -> None:
    by = ("--as", conclusion, "--note", "looked at the rows", "--by", SCIENTIST)
    done = ai_ops("incidents", "conclude", NAME, ID, *by)
    assert done.code == 0, done.err
    assert ("the signs say otherwise: bad data" in done.err) is warned
    data = json.loads(ai_ops("incidents", "show", NAME, ID, "--json").out)
    assert (data["conclusion"], data["concluded_by"]) == (conclusion, SCIENTIST)
    shown = ai_ops("incidents", "show", NAME, ID).out
    assert ("contradiction: the signs say otherwise: bad data" in shown) is warned
    assert bool(data["contradiction"]) is warned
