"""The labels, by the day on which they became known: read from the source, cleaned, counted.

A label is never dropped silently: it is kept, or it stands in the quarantine with its reason.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from glob import glob

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.arrival import LabelArrival, judge_arrival
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Verdict

SCHEMA = pa.schema(
    [("id", pa.string()), ("label", pa.bool_()), ("available_at", pa.timestamp("us", "UTC"))]
)
QUARANTINE = pa.schema(
    [
        ("id", pa.string()),
        ("label", pa.string()),
        ("available_at", pa.timestamp("us", "UTC")),
        ("reason", pa.string()),
    ]
)

# A cast to BOOLEAN would call every number but 0 true, and -1 commonly stands for "not known".
_SOURCE = """
rows AS (
  SELECT CAST({id} AS VARCHAR) AS id, CAST({label} AS VARCHAR) AS raw,
         CASE WHEN typeof({label}) <> 'VARCHAR'
              THEN TRY_CAST(CAST({label} AS VARCHAR) AS DOUBLE) END AS number,
         {available_at} AS available_at, ai_ops_source_file AS file
  FROM read_parquet($files, union_by_name = true, filename = 'ai_ops_source_file')
),
source AS (
  SELECT id, raw, available_at, file,
         CASE WHEN lower(raw) IN ('true', '1') OR number = 1 THEN true
              WHEN lower(raw) IN ('false', '0') OR number = 0 THEN false END AS label
  FROM rows
)
"""

# Only ids that occur in the span are looked up before it, and the span itself is found by the
# row groups' own minimum and maximum of the time: a long history costs one narrow read.
# A label that can be read goes before one that cannot: it is no repetition of that.
_JUDGED_LABELS = """
WITH {source},
arrived AS (SELECT DISTINCT id FROM source WHERE available_at >= $start AND available_at < $end),
seen AS (
  SELECT *, CAST(available_at AS DATE) AS day
  FROM source SEMI JOIN arrived ON source.id IS NOT DISTINCT FROM arrived.id
  WHERE available_at < $end
)
SELECT id, raw, label, available_at, CAST(day AS VARCHAR) AS day,
       CASE WHEN id IS NULL THEN 'no_id'
            WHEN label IS NULL THEN 'unreadable'
            WHEN min(label) OVER known <> max(label) OVER known THEN 'contradiction'
            WHEN row_number() OVER (PARTITION BY id ORDER BY label IS NULL, available_at, raw) > 1
              THEN 'duplicate'
            ELSE 'kept' END AS fate
FROM seen
WINDOW known AS (PARTITION BY id ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
QUALIFY available_at >= $start
ORDER BY available_at, id, raw
"""

# A label without its time has no day of its own. It is named on every day whose labels stand in
# the same file, and on every day at all (null) if its file holds no time. Few files have such
# labels: only theirs are read whole.
_FILES_WITH_UNDATED = "WITH {source} SELECT DISTINCT file FROM source WHERE available_at IS NULL"
_UNDATED_LABELS = """
WITH {source},
undated AS (SELECT file, id, raw FROM source WHERE available_at IS NULL),
dated AS (
  SELECT file, CAST(CAST(available_at AS DATE) AS VARCHAR) AS day,
         available_at >= $start AND available_at < $end AS asked
  FROM source WHERE available_at IS NOT NULL
),
days AS (SELECT DISTINCT file, day FROM dated WHERE asked)
SELECT id, raw, day FROM undated JOIN days USING (file)
UNION ALL
SELECT id, raw, NULL AS day FROM undated ANTI JOIN dated USING (file)
ORDER BY day, id, raw
"""


def utc_engine() -> duckdb.DuckDBPyConnection:
    """An embedded engine whose days are UTC days, wherever it runs."""
    engine = duckdb.connect(config={"threads": 1})
    engine.execute("SET TimeZone = 'UTC'")
    return engine


_NO_UNDATED = pa.schema([(name, pa.string()) for name in ("id", "raw", "day")]).empty_table()


@dataclass(frozen=True)
class _Source:
    files: tuple[str, ...]
    problem: str | None = None


@dataclass(frozen=True)
class _Labels:
    """What the source holds: the rows that have a time, and those that have none."""

    dated: pa.Table
    undated: pa.Table


def compute_ground_truth(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """The labels that became known on a day: each once, contradictions kept apart. They come from a
    source that the prediction log has no part in."""
    source = _find_source(root, feature.ground_truth)
    found = None
    if not source.problem:
        try:
            found = _read_labels(source, feature.ground_truth, moments)
        except duckdb.Error as error:
            problem = f"{root.folder / (feature.ground_truth.labels or '')}: {_first_line(error)}"
            source = replace(source, problem=problem)
    summaries = {}
    for moment in moments:
        if found is None:
            arrival = LabelArrival(moment.partition, problem=source.problem)
            kept, quarantine = SCHEMA.empty_table(), QUARANTINE.empty_table()
        else:
            known = pc.less_equal(found.dated["available_at"], pa.scalar(moment.as_of))
            today = pc.equal(found.dated["day"], moment.partition)
            day = found.dated.filter(pc.and_(today, known))
            undated = _undated_of(found.undated, moment.partition)
            kept, quarantine = _kept(day), pa.concat_tables([_quarantine(day), undated])
            arrival = _arrival(moment.partition, day, kept, undated.num_rows)
        lake, name, partition = root.lake, feature.name, moment.partition
        lake.write_table(lake.path(name, "ground_truth", partition), kept)
        lake.write_table(lake.path(name, "ground_truth/quarantine", partition), quarantine)
        lake.write_json(lake.path(name, "ground_truth/arrival", partition, "json"), asdict(arrival))
        numbers = {k: v for k, v in asdict(arrival).items() if isinstance(v, int)}
        summaries[partition] = Summary(numbers)
    return summaries


def judge_labels_arrived(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Labels became known on this day, readable and without contradicting each other."""
    path = root.lake.path(feature.name, "ground_truth/arrival", moment.partition, "json")
    data, evidence = root.lake.read_json(path)
    return judge_arrival(LabelArrival(**data)).with_evidence(evidence)


def _find_source(root: Root, truth: GroundTruth) -> _Source:
    pattern = str(root.folder / (truth.labels or ""))
    files = tuple(sorted(glob(pattern, recursive=True)))
    if not files:
        return _Source((), f"{pattern}: no label file matches ground_truth.labels")
    # File by file: together, a file that lacks a column would look like one full of nulls.
    with utc_engine() as engine:
        for file in files:
            if problem := _problem_of(engine, file, truth):
                return _Source(files, f"{file}: {problem}")
    return _Source(files)


def _problem_of(engine: duckdb.DuckDBPyConnection, file: str, truth: GroundTruth) -> str | None:
    try:
        described = engine.execute(
            "DESCRIBE SELECT * FROM read_parquet($file)", {"file": file}
        ).fetchall()
    except duckdb.Error as error:
        return f"not a readable Parquet file: {_first_line(error)}"
    types = {name: kind for name, kind, *_ in described}
    wanted = (truth.id_column, truth.label_column, truth.available_at_column)
    if absent := [name for name in wanted if name not in types]:
        return f"no column {absent[0]} (have {', '.join(types)})"
    kind = types[truth.available_at_column]
    if kind != "TIMESTAMP WITH TIME ZONE":
        return f"{truth.available_at_column} is {kind}; write it with its zone (UTC)"
    return None


def _first_line(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]


def _read_labels(source: _Source, truth: GroundTruth, moments: Sequence[Moment]) -> _Labels:
    columns = {
        "id": truth.id_column,
        "label": truth.label_column,
        "available_at": truth.available_at_column or "",
    }
    quoted = {role: '"' + name.replace('"', '""') + '"' for role, name in columns.items()}
    read = _SOURCE.format(**quoted)
    span = {
        "start": min(moment.window.start for moment in moments),
        "end": max(moment.window.end for moment in moments),
    }
    with utc_engine() as engine:
        every = {"files": list(source.files)}
        judged = engine.sql(_JUDGED_LABELS.format(source=read), params=every | span)
        dated = judged.to_arrow_table()
        found = engine.execute(_FILES_WITH_UNDATED.format(source=read), every).fetchall()
        if not found:
            return _Labels(dated, _NO_UNDATED)
        theirs = {"files": [file for (file,) in found]}
        undated = engine.sql(_UNDATED_LABELS.format(source=read), params=theirs | span)
        return _Labels(dated, undated.to_arrow_table())


def _kept(day: pa.Table) -> pa.Table:
    rows = day.filter(pc.equal(day["fate"], "kept"))
    return rows.select(SCHEMA.names).cast(SCHEMA)


def _quarantine(day: pa.Table) -> pa.Table:
    rows = day.filter(pc.is_in(day["fate"], pa.array(["no_id", "unreadable", "contradiction"])))
    columns = [rows["id"], rows["raw"], rows["available_at"], rows["fate"]]
    return pa.table(columns, names=QUARANTINE.names).cast(QUARANTINE)


def _undated_of(undated: pa.Table, partition: str) -> pa.Table:
    of_day = pc.fill_null(pc.equal(undated["day"], partition), True)
    rows = undated.filter(of_day)
    columns = [
        rows["id"],
        rows["raw"],
        pa.nulls(rows.num_rows, QUARANTINE.field("available_at").type),
        pa.repeat("no_time", rows.num_rows),
    ]
    return pa.table(columns, names=QUARANTINE.names).cast(QUARANTINE)


def _arrival(partition: str, day: pa.Table, kept: pa.Table, undated: int) -> LabelArrival:
    fates = {fate["values"]: fate["counts"] for fate in day["fate"].value_counts().to_pylist()}
    return LabelArrival(
        partition,
        labels=kept.num_rows,
        positives=pc.sum(kept["label"]).as_py() or 0,
        duplicates=fates.get("duplicate", 0),
        contradictions=fates.get("contradiction", 0),
        unreadable=fates.get("unreadable", 0),
        without_id=fates.get("no_id", 0),
        without_time=undated,
    )
