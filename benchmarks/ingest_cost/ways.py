"""Ways from sealed segments to a day's Parquet file."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ingest_cost.segments import BOOLEANS, CATEGORIES, DAY, NUMBERS

TEXTS = ["kind", "id", "model_version", "status", "error", "call_site", "mode", "tenant"]
TEXTS += ["subject", "request_id", "withheld", "time", "feature", "writer", "incarnation"]


def _files(folder: Path) -> list[Path]:
    return sorted((folder / "segments").rglob("*.jsonl"))


def feature_spec() -> AiFeatureSpec:
    import ai_ops.prediction_logging.compaction  # noqa: F401

    owner = {"accountable": "someone@example.com"}
    owned = ("prediction_logging", "drift_monitoring", "retraining_pipeline")
    inputs = [{"name": name, "type": "category"} for name in CATEGORIES]
    inputs += [{"name": name, "type": "number"} for name in NUMBERS]
    inputs += [{"name": name, "type": "boolean"} for name in BOOLEANS]
    return AiFeatureSpec.model_validate(
        {
            "name": "tiny",
            "title": "Is it late?",
            "served_by": "provider_api",
            "monitoring": {"start": date(2021, 1, 1)},
            "inputs": inputs,
            "outputs": [
                {"name": "probability", "type": "probability"},
                {"name": "late", "type": "boolean"},
            ],
            "judged": {"score": "probability", "decision": "late"},
            "ground_truth": {"labels": "sources/*.parquet"},
            "user_actions": {"table": "sources/*.parquet"},
            "owners": {
                **dict.fromkeys((*owned, "inference_management"), owner),
                "accuracy_evaluation": {"follows": "drift_monitoring"},
            },
            "serving": {"expected_peak": {"requests_per_second": 50}},
        }
    )


def ours(folder: Path, out: Path, feature: AiFeatureSpec) -> tuple[int, Path]:
    from ai_ops.prediction_logging.compaction import compute_prediction_log
    from ai_ops.prediction_logging.segments import open_segments
    from ai_ops.storage.root import Root
    from ai_ops.vocabulary.moments import Moment
    from ai_ops.vocabulary.windows import Window

    out.joinpath("segments").symlink_to(folder / "segments")
    root = Root.open(out, {})
    moment = Moment(DAY, Window.of_day(DAY), datetime(2021, 4, 1, tzinfo=UTC))
    summary = compute_prediction_log(root, feature, [moment])[DAY]
    segments = open_segments(root, feature.name, [DAY])
    if any(part.gaps for _, part in segments.spans(moment)):
        raise SystemExit("a gap where there is none")
    return int(str(summary.numbers["rows"])), Path(root.lake.path("tiny", "prediction_log", DAY))


def _polars_module() -> Any:
    import polars

    return polars


def _polars(folder: Path, out: Path, pl: Any, raw: bool = True) -> tuple[int, Path]:
    inner = dict.fromkeys(CATEGORIES, pl.String) | dict.fromkeys(NUMBERS, pl.Float64)
    inner |= dict.fromkeys(BOOLEANS, pl.Boolean)
    schema = {
        **dict.fromkeys(TEXTS, pl.String),
        "latency_ms": pl.Float64,
        "seq": pl.Int64,
        "input": pl.Struct(inner),
        "output": pl.Struct({"probability": pl.Float64, "late": pl.Boolean}),
    }
    rows = pl.concat([pl.read_ndjson(file, schema=schema) for file in _files(folder)])
    rows = rows.filter(pl.col("kind") == "prediction")
    gaps = rows.group_by("writer", "incarnation").agg(
        missing=pl.col("seq").max() - pl.col("seq").min() + 1 - pl.len().cast(pl.Int64)
    )
    if gaps["missing"].sum():
        raise SystemExit("a gap where there is none")
    rows = rows.unique("id", keep="first").with_columns(
        pl.col("time").str.to_datetime(time_unit="us", time_zone="UTC")
    )
    if raw:
        rows = rows.with_columns(
            raw_input=pl.col("input").struct.json_encode(),
            raw_output=pl.col("output").struct.json_encode(),
        )
    file = out / "polars.parquet"
    rows = rows.unnest("input", "output", separator="_").sort("time", "id")
    rows.write_parquet(file, compression="zstd", statistics=True)
    return rows.height, file


def _polars_typed_only(folder: Path, out: Path, pl: Any) -> tuple[int, Path]:
    return _polars(folder, out, pl, raw=False)


def _duckdb_module() -> Any:
    import duckdb

    return duckdb.connect(":memory:", config={"threads": 2})


def _duckdb(folder: Path, out: Path, connection: Any) -> tuple[int, Path]:
    inner = [f'"{name}" VARCHAR' for name in CATEGORIES] + [f'"{name}" DOUBLE' for name in NUMBERS]
    inner += [f'"{name}" BOOLEAN' for name in BOOLEANS]
    columns = dict.fromkeys(TEXTS, "VARCHAR") | {"latency_ms": "DOUBLE", "seq": "BIGINT"}
    columns |= {
        "input": f"STRUCT({', '.join(inner)})",
        "output": "STRUCT(probability DOUBLE, late BOOLEAN)",
    }
    types = ", ".join(f"{name}: '{type}'" for name, type in columns.items())
    connection.execute(
        "CREATE OR REPLACE TABLE rows AS SELECT * REPLACE (time::TIMESTAMP AS time)"
        f" FROM read_json($files, format = 'newline_delimited', columns = {{{types}}})"
        " WHERE kind = 'prediction'",
        {"files": [str(file) for file in _files(folder)]},
    )
    gaps = "SELECT max(seq) - min(seq) + 1 - count(*) FROM rows GROUP BY writer, incarnation"
    if any(missing for (missing,) in connection.execute(gaps).fetchall()):
        raise SystemExit("a gap where there is none")
    file = out / "duckdb.parquet"
    connection.execute(
        "CREATE OR REPLACE TABLE once AS"
        " SELECT DISTINCT ON (id) * FROM rows ORDER BY id, time, writer"
    )
    connection.execute(
        "COPY (SELECT * EXCLUDE (input, output), unnest(input), unnest(output) FROM once"
        f" ORDER BY time, id) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
    )
    return connection.execute("SELECT count(*) FROM once").fetchone()[0], file


def _nothing() -> None:
    return None


def _floor(folder: Path, out: Path, _: None) -> tuple[int, Path]:
    file = out / "copy"
    with file.open("wb") as copy:
        for segment in _files(folder):
            copy.write(segment.read_bytes())
    return 0, file


WAYS: dict[str, tuple[Callable[[], Any], Callable[..., tuple[int, Path]]]] = {
    "ours": (feature_spec, ours),
    "polars": (_polars_module, _polars),
    "polars_typed_only": (_polars_module, _polars_typed_only),
    "duckdb": (_duckdb_module, _duckdb),
    "floor": (_nothing, _floor),
}
