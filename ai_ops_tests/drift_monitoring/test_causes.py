"""Why it drifted: planted faults are told from a world that changed, and each says its evidence."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ai_ops.drift_monitoring import cause_look
from ai_ops.drift_monitoring.causing import stored_cause
from ai_ops.drift_monitoring.sample_rows import PRIVACY, rows_path
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.drift_monitoring.synthetic_world import (
    BROKEN_DAY,
    DAYS,
    Change,
    Installation,
    judged,
    later,
    planted,
    setting,
    without_pages,
)

ALERTED = DAYS[:16]
"""The days up to a week after the faults begin: each has alerted by then."""


def celsius(rows: pd.DataFrame) -> "pd.Series[float]":
    return rows["input_temp"] * 1.8 + 32


def swapped(rows: pd.DataFrame) -> pd.DataFrame:
    own = later(rows)
    temp = rows.loc[own, "input_temp"].copy()
    rows.loc[own, "input_temp"] = rows.loc[own, "input_amount"]
    rows.loc[own, "input_amount"] = temp
    return rows


def warmer(rows: pd.DataFrame) -> pd.DataFrame:
    """A season that comes: day by day warmer and windier, and the scores go with it."""
    begin = pd.Timestamp(DAYS[2], tz="UTC")
    day = np.clip((rows["time"] - begin).dt.total_seconds() / 86400, 0, None)
    score = np.clip(rows["output_probability"] * (1 + 0.04 * day), 0, 1)
    return rows.assign(
        input_temp=rows["input_temp"] + 0.6 * day,
        input_wind=rows["input_wind"] + 0.5 * day,
        output_probability=score,
    )


BROKEN: dict[str, tuple[Change, str, str, str]] = {
    "unit": (setting("input_temp", celsius), "temp", "input_drift", "°C to °F (x 1.8 + 32)"),
    "unit of one call site": (
        setting(
            "input_wind",
            lambda rows: rows["input_wind"].where(
                rows["call_site"] != "app", rows["input_wind"] * 3.6
            ),
        ),
        "wind",
        "input_drift",
        "it comes from one call site alone",
    ),
    "sign": (
        setting("input_temp", lambda rows: -rows["input_temp"]),
        "temp",
        "input_drift",
        "it changed its sign",
    ),
    "renamed": (
        setting("input_region", lambda rows: rows["input_region"].replace({"a": "north"})),
        "region",
        "input_drift",
        "1 of its categories vanished, and as many of the same share are new",
    ),
    "swapped": (swapped, "temp", "input_drift", "it holds what amount held"),
    "stuck": (
        setting("output_probability", lambda rows: 0.5),
        "probability",
        "output_drift",
        "one value fills 100% of it",
    ),
}


def alerted(made: Installation, check: str) -> tuple[str, Verdict]:
    """The last of the days on which a check fails, with its verdict."""
    for day in reversed(ALERTED):
        verdict = judged(made, check, day)
        if verdict.status == "fail":
            return day, verdict
    raise AssertionError(f"{check} never failed")


@pytest.mark.requirement("PB-13", "FR-1")
@pytest.mark.parametrize("fault", BROKEN)
def test_a_fault_of_the_feed_is_told_as_bad_data_with_its_evidence(
    fault: str, tmp_path: Path
) -> None:
    change, column, check, words = BROKEN[fault]
    made = planted(tmp_path, change, days=ALERTED)
    day, verdict = alerted(made, check)
    [finding] = [one for one in verdict.findings if one.columns == (column,)]
    assert finding.cause == "bad_data"
    assert words in finding.reason
    assert "Cause: bad data (" in verdict.reason
    assert finding.begin is not None
    assert finding.begin.date().isoformat() == BROKEN_DAY
    data, evidence = stored_cause(made.root, made.feature, day)
    assert evidence in verdict.evidence
    [own] = [one for one in data["columns"] if one["column"] == column]
    onset = {sign["name"]: sign for sign in own["signs"]}["onset"]
    assert "from one day to the next" in onset["words"]


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return planted(tmp_path_factory.mktemp("season"), warmer)


@pytest.mark.requirement("PB-13", "FR-1")
def test_a_season_that_comes_slowly_and_moves_several_columns_is_a_genuine_shift(
    season: Installation,
) -> None:
    verdict = judged(season, "input_drift")
    causes = {one.columns: one.cause for one in verdict.findings if one.status == "fail"}
    assert causes == {("temp",): "genuine_shift", ("wind",): "genuine_shift"}
    assert "it came gradually" in verdict.reason
    [score] = [one for one in judged(season, "output_drift").findings if one.status == "fail"][:1]
    assert score.cause == "genuine_shift"
    assert "it goes with what shifted" in score.reason


def test_a_quiet_day_has_no_cause_and_an_alert_is_looked_into_when_it_is_new_and_now_and_then(
    season: Installation,
) -> None:
    root, feature = season.root, season.feature
    failing = [
        day
        for day in DAYS
        if {judged(season, check, day).status for check in ("input_drift", "output_drift")}
        & {"fail"}
    ]
    folder = Path(root.lake.url) / feature.name / "drift_report" / "cause"
    assert sorted(file.stem for file in folder.iterdir()) == failing
    told = [stored_cause(root, feature, day)[0] for day in failing]
    ages = [
        (pd.Timestamp(data["day"]) - pd.Timestamp(one["first"])).days
        for data in told
        for one in data["columns"]
        if one["looked"] == data["day"]
    ]
    assert set(ages) <= {0, 1, 3, 7}
    assert ages.count(0) == len({one["column"] for data in told for one in data["columns"]})


@pytest.mark.requirement("PB-11")
def test_the_rows_that_drove_it_are_kept_beside_the_reference_s(tmp_path: Path) -> None:
    made = planted(tmp_path, BROKEN["unit"][0], days=DAYS[:12])
    day, verdict = DAYS[11], judged(made, "input_drift", DAYS[11])
    assert verdict.status == "fail"
    path = rows_path(made.root, made.feature, day)
    kept = pq.read_table(path)
    assert kept.column_names[:6] == ["side", "input_temp", "id", "time", "call_site", "tenant"]
    sides = kept.to_pandas().groupby("side")["input_temp"]
    assert sides.count().to_dict() == {"now": 200, "reference": 200}
    assert sides.min()["now"] > sides.max()["reference"], "the rows in the cells that grew most"
    data, _ = stored_cause(made.root, made.feature, day)
    digests = {one.source: one.digest for one in verdict.evidence}
    assert digests[data["rows"]["source"]] == data["rows"]["digest"]
    assert made.root.lake.digest_of(path)[1] == data["rows"]["digest"]
    written = json.dumps(data)
    assert not any(str(one) in written for one in kept["id"].to_pylist())


@pytest.mark.requirement("PB-11")
def test_what_the_privacy_policy_rules_is_not_in_the_sample(tmp_path: Path) -> None:
    made = planted(tmp_path, BROKEN["unit"][0], days=DAYS[:10])
    privacy = made.feature.privacy.model_copy(
        update={
            "fields": {"amount": "drop", "region": "hash", "tenant": "drop"},
            "retention_days": 30,
        }
    )
    ruled = Installation(
        made.root, made.feature.model_copy(update={"privacy": privacy}), made.registry
    )
    hashed = pd.read_parquet(made.root.lake.path("parcels", "prediction_log", DAYS[9]))
    for place, day in enumerate(DAYS[9:12]):
        rows = hashed.assign(time=hashed["time"] + pd.Timedelta(days=place))
        ruled.write_log(day, rows.assign(input_region="hmac:00", input_amount=np.nan))
    without_pages(ruled, DAYS[9], DAYS[11])
    kept = pq.read_table(rows_path(ruled.root, ruled.feature, DAYS[11]))
    assert not {"input_amount", "tenant"} & set(kept.column_names)
    assert set(kept["input_region"].to_pylist()) <= {"hmac:00", None}
    policy = json.loads(kept.schema.metadata[PRIVACY])
    assert policy["fields"]["amount"] == "drop"
    oldest = min(kept["time"].drop_null().to_pandas()[: policy["retention_days"]]).date()
    assert policy["delete_after"] >= (oldest + pd.Timedelta(days=30)).isoformat()


def test_what_is_broken_in_a_day_s_inputs_is_bad_data_by_its_nature(tmp_path: Path) -> None:
    nulls = setting("input_amount", lambda rows: np.nan)
    made = planted(tmp_path, nulls, days=DAYS[:10])
    verdict = judged(made, "inputs_well_formed", DAYS[9])
    assert {one.cause for one in verdict.findings if one.status == "fail"} == {"bad_data"}


def test_what_cannot_be_read_is_undecided_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise MissingEvidence("the reference's table is not there")

    monkeypatch.setattr(cause_look, "reference_of", gone)
    made = planted(tmp_path, BROKEN["unit"][0], days=DAYS[:12])
    data, _ = stored_cause(made.root, made.feature, DAYS[11])
    assert data["cause"] == "undecided"
    assert "the reference's table is not there" in data["columns"][0]["reason"]
    assert data["rows"] == {"missing": "the reference's table is not there"}
    assert judged(made, "input_drift", DAYS[11]).findings[0].cause == "undecided"
