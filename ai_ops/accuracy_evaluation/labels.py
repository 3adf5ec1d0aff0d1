"""The labels, by the day on which they became known: read from the source, cleaned, counted.

A label is never dropped silently: it is kept, or it stands in the quarantine with its reason.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from glob import glob

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.arrival import LabelArrival, judge_arrival
from ai_ops.accuracy_evaluation.reading import utc_engine
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

# Only ids that occur in the span are looked up before it, and the span itself is found by the
# row groups' own minimum and maximum of the time: a long history costs one narrow read.
_JUDGED_LABELS = """
WITH source AS (
  SELECT CAST({id} AS VARCHAR) AS id, {label} AS raw, TRY_CAST({label} AS BOOLEAN) AS label,
         {available_at} AS available_at
  FROM read_parquet($files, union_by_name = true)
),
arrived AS (SELECT DISTINCT id FROM source WHERE available_at >= $start AND available_at < $end),
seen AS (
  SELECT *, CAST(available_at AS DATE) AS day
  FROM source SEMI JOIN arrived USING (id) WHERE available_at < $end
)
SELECT id, CAST(raw AS VARCHAR) AS raw, label, available_at, CAST(day AS VARCHAR) AS day,
       CASE WHEN id IS NULL OR label IS NULL THEN 'unreadable'
            WHEN min(label) OVER known <> max(label) OVER known THEN 'contradiction'
            WHEN row_number() OVER (PARTITION BY id ORDER BY available_at, raw) > 1
              THEN 'duplicate'
            ELSE 'kept' END AS fate
FROM seen
WINDOW known AS (PARTITION BY id ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
QUALIFY available_at >= $start
ORDER BY available_at, id, raw
"""


@dataclass(frozen=True)
class _Source:
    files: tuple[str, ...]
    problem: str | None = None


def compute_ground_truth(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """The labels that became known on a day: each once, contradictions kept apart. They come from a
    source that the prediction log has no part in."""
    source = _find_source(root, feature.ground_truth)
    judged = None if source.problem else _judged_labels(source, feature.ground_truth, moments)
    summaries = {}
    for moment in moments:
        if judged is None:
            arrival = LabelArrival(moment.partition, problem=source.problem)
            kept, quarantine = SCHEMA.empty_table(), QUARANTINE.empty_table()
        else:
            known = pc.less_equal(judged["available_at"], pa.scalar(moment.as_of))
            today = pc.equal(judged["day"], moment.partition)
            day = judged.filter(pc.and_(today, known))
            kept, quarantine = _kept(day), _quarantine(day)
            arrival = _arrival(moment.partition, day, kept)
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
    pattern = str(root.folder / truth.labels)
    files = tuple(sorted(glob(pattern, recursive=True)))
    if not files:
        return _Source((), f"{pattern}: no label file matches ground_truth.labels")
    with utc_engine() as engine:
        described = engine.execute(
            "DESCRIBE SELECT * FROM read_parquet($files, union_by_name = true)",
            {"files": list(files)},
        ).fetchall()
    types = {name: kind for name, kind, *_ in described}
    wanted = (truth.id_column, truth.label_column, truth.available_at_column)
    if absent := [name for name in wanted if name not in types]:
        return _Source(files, f"{pattern}: no column {absent[0]} (have {', '.join(types)})")
    kind = types[truth.available_at_column]
    if kind != "TIMESTAMP WITH TIME ZONE":
        return _Source(
            files, f"{pattern}: {truth.available_at_column} is {kind}; write it with its zone (UTC)"
        )
    return _Source(files)


def _judged_labels(source: _Source, truth: GroundTruth, moments: Sequence[Moment]) -> pa.Table:
    columns = {
        "id": truth.id_column,
        "label": truth.label_column,
        "available_at": truth.available_at_column,
    }
    quoted = {role: '"' + name.replace('"', '""') + '"' for role, name in columns.items()}
    with utc_engine() as engine:
        return engine.sql(
            _JUDGED_LABELS.format(**quoted),
            params={
                "files": list(source.files),
                "start": min(moment.window.start for moment in moments),
                "end": max(moment.window.end for moment in moments),
            },
        ).to_arrow_table()


def _kept(day: pa.Table) -> pa.Table:
    rows = day.filter(pc.equal(day["fate"], "kept"))
    return rows.select(SCHEMA.names).cast(SCHEMA)


def _quarantine(day: pa.Table) -> pa.Table:
    rows = day.filter(pc.is_in(day["fate"], pa.array(["unreadable", "contradiction"])))
    columns = [rows["id"], rows["raw"], rows["available_at"], rows["fate"]]
    return pa.table(columns, names=QUARANTINE.names).cast(QUARANTINE)


def _arrival(partition: str, day: pa.Table, kept: pa.Table) -> LabelArrival:
    fates = {fate["values"]: fate["counts"] for fate in day["fate"].value_counts().to_pylist()}
    return LabelArrival(
        partition,
        labels=kept.num_rows,
        positives=pc.sum(kept["label"]).as_py() or 0,
        duplicates=fates.get("duplicate", 0),
        contradictions=fates.get("contradiction", 0),
        unreadable=fates.get("unreadable", 0),
    )
