"""A small made feature with everything that drift monitoring has to bear when nothing is wrong.

Three columns of numbers that move with the weather, an amount that depends on who asks, an age in
whole years that is sometimes unknown, categories, a boolean; a score and a decision of all of them.
Weeks have their pattern and days their own mood. Twelve weeks are the reference, three are watched.
What was computed of the clean days is kept: a changed installation computes from its first changed
day on only.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring import reporting
from ai_ops.drift_monitoring.checks import CHECKS
from ai_ops.drift_monitoring.profiling import (
    compute_prediction_profile,
    compute_reference_profile,
)
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.drift_monitoring.installation import VERSION, Change, Installation, Registered
from ai_ops_tests.made_once import made_once

BEGIN: Final = date(2021, 1, 4)
"""A Monday: the first day of the reference."""
REFERENCE_DAYS: Final = 84
START: Final = BEGIN + timedelta(days=REFERENCE_DAYS)
WATCHED: Final = 21
DAYS: Final = tuple((START + timedelta(days=n)).isoformat() for n in range(WATCHED))
BROKEN_DAY: Final = DAYS[9]
"""A Wednesday: the first day of most planted faults."""
BROKEN_FROM: Final = pd.Timestamp(BROKEN_DAY, tz="UTC")
LAST: Final = DAYS[-1]
ROWS_A_DAY: Final = 450
__all__ = ["Change", "Installation"]

_BUSY: Final = (1.0, 1.05, 1.0, 1.0, 0.95, 0.6, 0.5)
_OWNER: Final = {"accountable": "someone@example.com"}
_PROFILED: Final[dict[tuple[int, str], tuple[pa.Table, dict[str, bytes]]]] = {}
"""References under other settings, by their table and those; the table is kept, or its id would be
another's."""
_BY_NAME: Final = {check.name: check for check in CHECKS}

FEATURE: Final = AiFeatureSpec.model_validate(
    {
        "name": "parcels",
        "title": "Will this parcel be accepted?",
        "served_by": "own_model",
        "monitoring": {"start": START},
        "inputs": [
            {"name": "kind", "type": "category"},
            {"name": "region", "type": "category"},
            {"name": "amount", "type": "number"},
            {"name": "temp", "type": "number"},
            {"name": "wind", "type": "number"},
            {"name": "rain", "type": "number"},
            {"name": "age", "type": "number", "nullable": True},
            {"name": "member", "type": "boolean"},
        ],
        "outputs": [
            {"name": "probability", "type": "probability"},
            {"name": "accepted", "type": "boolean"},
        ],
        "judged": {"score": "probability", "decision": "accepted"},
        "ground_truth": {"labels": "sources/parcels/labels/*.parquet"},
        "user_actions": {"table": "sources/parcels/actions/*.parquet"},
        "owners": {
            "prediction_logging": _OWNER,
            "drift_monitoring": _OWNER,
            "retraining_pipeline": _OWNER,
            "inference_management": _OWNER,
            "accuracy_evaluation": {"follows": "drift_monitoring"},
        },
        "serving": {"expected_peak": {"requests_per_second": 5}},
    }
)


def planted(
    folder: Path,
    change: Change | None = None,
    *,
    days: Sequence[str] = DAYS,
    settings: Mapping[str, Any] | None = None,
    reports: bool = True,
    looks: bool = True,
) -> Installation:
    """The watched days with their rows changed, profiled and reported upon.

    ``days`` are those to watch (the first ones of ``DAYS``), ``settings`` other ones of ``drift``;
    without ``reports`` the changed days are profiled only, which is all that some checks read, and
    without ``looks`` a report does not look into the log for where a drift comes from and why.
    Without a change nothing is computed that was computed before in this process.
    """
    made, clean = _installed(folder, settings), rows_of_day()
    rows = clean if change is None else _changed(change, days)
    first = 0
    if settings is None:
        changed = (n for n, day in enumerate(days) if not rows[day].equals(clean[day]))
        first = next(changed, len(days))
        _copy(made, {p: file for p, file in clean_files().items() if _day_in(p) in days[:first]})
    for day in days[first:]:
        if len(rows[day]):
            made.write_log(day, rows[day])
    if days[first:] and reports:
        without_pages(made, days[first], days[-1], looks=looks)
    elif days[first:]:
        moments = [made.moment(day) for day in days[first:]]
        compute_prediction_profile(made.root, made.feature, moments)
    return made


def judged(made: Installation, check: str, day: str = LAST) -> Verdict:
    """What a check of drift monitoring says of a day; what it misses is no evidence."""
    found, moment = _BY_NAME[check], made.moment(day)
    judge = cast("Callable[[Root, AiFeatureSpec, Moment | datetime], Verdict]", found.judge)
    try:
        return judge(made.root, made.feature, moment if found.rhythm else moment.as_of)
    except MissingEvidence as missing:
        return Verdict.lacking(str(missing), found.missing, window=moment.window)


def verdicts(made: Installation, check: str, days: Sequence[str] = DAYS) -> dict[str, str]:
    """The status of a check day by day."""
    return {day: judged(made, check, day).status for day in days}


def later(rows: pd.DataFrame, since: pd.Timestamp = BROKEN_FROM) -> "pd.Series[bool]":
    """Which rows are of the day on which faults begin, or later."""
    return rows["time"] >= since


def setting(column: str, value: Any) -> Change:
    """From ``BROKEN_DAY`` on a column of the log holds ``value(rows)``."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        own = later(rows)
        moved = rows.astype({column: object}) if rows[column].dtype == bool else rows
        moved.loc[own, column] = value(rows[own])
        return moved

    return change


def more_rows(days: Sequence[str], times: int) -> pd.DataFrame:
    """Further rows of these days with the same mix, ``times`` as many as a day has."""
    made = []
    for day in days:
        number = (date.fromisoformat(day) - BEGIN).days
        for n in range(1, times + 1):
            rows = _logged(number + 700 * n)
            made.append(rows.assign(time=rows["time"] - pd.Timedelta(days=700 * n)))
    return pd.concat(made, ignore_index=True)


def without_pages(made: Installation, first: str, last: str, *, looks: bool = True) -> None:
    """Profile and report without Evidently's pages and pictures, which have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reporting, "make_evidently_report", lambda *_: "")
        patch.setattr(reporting, "overview_picture", lambda *_: None)
        patch.setattr(reporting, "further_pictures", lambda *_: {})
        if not looks:
            patch.setattr(reporting, "drift_carriers", lambda *_: {})
            patch.setattr(reporting, "note_causes", lambda *_: None)
        made.monitor(first, last)


@cache
def rows_of_day() -> dict[str, pd.DataFrame]:
    """The clean rows of every watched day, as the log holds them."""
    return {day: _logged(REFERENCE_DAYS + n) for n, day in enumerate(DAYS)}


@cache
def reference_table() -> pa.Table:
    """The reference that the version was registered with."""
    rows = pd.concat([_logged(n) for n in range(REFERENCE_DAYS)], ignore_index=True)
    return pa.Table.from_pandas(rows, preserve_index=False)


@cache
def reference_files() -> dict[str, bytes]:
    """What ``compute_reference_profile`` writes, by path in the lake."""

    def built() -> dict[str, bytes]:
        with TemporaryDirectory() as folder:
            made = _bare(Path(folder))
            compute_reference_profile(made.root, made.feature, Window.of_day(START).start)
            return _files(made)

    return made_once("small_reference_files", built)


@cache
def clean_files() -> dict[str, bytes]:
    """The logs, profiles and reports of the clean days, by path in the lake."""

    def built() -> dict[str, bytes]:
        with TemporaryDirectory() as folder:
            made = _bare(Path(folder))
            _copy(made, reference_files())
            for day, rows in rows_of_day().items():
                made.write_log(day, rows)
            without_pages(made, DAYS[0], LAST)
            return {path: own for path, own in _files(made).items() if _day_in(path) in DAYS}

    return made_once("small_clean_files", built)


def _changed(change: Change, days: Sequence[str]) -> dict[str, pd.DataFrame]:
    clean = rows_of_day()
    rows = change(pd.concat([clean[day] for day in days], ignore_index=True))
    by_day = {str(day): own for day, own in rows.groupby(rows["time"].dt.strftime("%Y-%m-%d"))}
    return {day: by_day.get(day, rows.iloc[:0]).reset_index(drop=True) for day in days}


def _installed(folder: Path, settings: Mapping[str, Any] | None) -> Installation:
    made = _bare(folder, settings)
    known = (id(made.registry.table), str(sorted((settings or {}).items())))
    if settings is None:
        _copy(made, reference_files())
    elif known in _PROFILED:
        _copy(made, _PROFILED[known][1])
    else:
        compute_reference_profile(made.root, made.feature, Window.of_day(START).start)
        _PROFILED[known] = made.registry.table, _files(made)
    return made


def _bare(folder: Path, settings: Mapping[str, Any] | None = None) -> Installation:
    root = Root.open(folder, environment={})
    registry = Registered(reference_table())
    vars(root)["registry"] = registry
    drift = FEATURE.drift.model_copy(update=dict(settings or {}))
    return Installation(root, FEATURE.model_copy(update={"drift": drift}), registry)


def _files(made: Installation) -> dict[str, bytes]:
    lake = Path(made.root.lake.url)
    files = [path for path in lake.rglob("*") if path.is_file()]
    return {path.relative_to(lake).as_posix(): path.read_bytes() for path in files}


def _copy(made: Installation, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        made.root.lake.write_bytes(f"{made.root.lake.url}/{path}", content)


def _day_in(path: str) -> str:
    return Path(path).name[:10]


def _logged(day: int) -> pd.DataFrame:
    """The rows of one day, by its own seed: whatever is before or behind it."""
    chance = np.random.default_rng([20210104, day])
    busy = ROWS_A_DAY * _BUSY[day % 7] * chance.normal(1, 0.05)
    n = int(chance.poisson(busy))
    mood = chance.normal(0, 1, 6)
    weekend = day % 7 >= 5
    begin = pd.Timestamp(BEGIN, tz="UTC") + pd.Timedelta(days=day)
    seconds = np.sort(chance.integers(0, 86_400, n))
    kind = _chosen(chance, n, {"new": 5, "repeat": 3 - weekend, "corporate": 1.5, "trial": 0.5})
    region = _chosen(chance, n, dict(zip("abcdefgh", (8, 5, 4, 3, 2, 1.5, 1, 0.7), strict=True)))
    dear = np.where(kind == "corporate", 0.6, 0.0) + 0.1 * weekend + 0.04 * mood[0]
    amount = np.exp(3.5 + dear + 0.6 * chance.normal(0, 1, n)).round(2)
    temp = 14 + 2.0 * mood[1] + 4 * np.sin((seconds / 86_400 - 0.3) * 2 * np.pi)
    temp = (temp + chance.normal(0, 2.5, n)).round(3)
    wind = np.abs(12 - 0.4 * (temp - 14) + 0.8 * mood[2] + chance.normal(0, 2.5, n)).round(3)
    wet = chance.random(n) < np.clip(0.15 + 0.05 * mood[3], 0.02, 0.4)
    rain = np.where(wet, chance.exponential(1.5, n), 0.0).round(1)
    member = chance.random(n) < np.clip(0.4 + 0.02 * mood[4], 0, 1)
    age = np.clip(38 + 6 * member + 11 * chance.normal(0, 1, n), 18, 90).round()
    age = np.where(chance.random(n) < 0.02, np.nan, age)
    logit = 0.6 * np.log(amount) - 2.6 + 0.06 * (temp - 14) - 0.25 * rain + 0.5 * member
    score = 1 / (1 + np.exp(-(logit + chance.normal(0, 0.3, n))))
    return pd.DataFrame(
        {
            "id": [f"p-{day:03d}-{number:05d}" for number in range(n)],
            "time": (begin + pd.to_timedelta(seconds, unit="s")).astype("datetime64[us, UTC]"),
            "model_version": VERSION,
            "status": "ok",
            "call_site": chance.choice(["web", "app"], n, p=[0.7, 0.3]),
            "tenant": chance.choice(["acme", "bolt", "crux"], n, p=[0.5, 0.3, 0.2]),
            "input_kind": kind,
            "input_region": region,
            "input_amount": amount,
            "input_temp": temp,
            "input_wind": wind,
            "input_rain": rain,
            "input_age": age,
            "input_member": member,
            "output_probability": score,
            "output_accepted": score > 0.5,
        }
    )


def _chosen(chance: np.random.Generator, n: int, weights: Mapping[str, float]) -> Any:
    """Categories by weights that differ a little from day to day."""
    parts = chance.gamma(400 * np.array(list(weights.values())) / sum(weights.values()))
    return chance.choice(list(weights), n, p=parts / parts.sum()).astype(object)
