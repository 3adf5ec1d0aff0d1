"""The labels, by the day on which they became known: read from the source, cleaned, counted.

A label is never dropped silently: it is kept, or it stands in the quarantine with its reason. A row
whose label is null tells none yet: it is counted until one of its id is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.arrival import LabelArrival, judge_arrival
from ai_ops.accuracy_evaluation.label_source import LabelSource, label_source
from ai_ops.accuracy_evaluation.label_values import label_type
from ai_ops.accuracy_evaluation.queue_marks import confirm
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.storage.tables import first_line
from ai_ops.vocabulary.errors import LakeUnreachable, MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import LabelKind

TIMES = pa.timestamp("us", "UTC")
QUARANTINE = pa.schema(
    [
        ("id", pa.string()),
        ("label", pa.string()),
        ("available_at", TIMES),
        ("reason", pa.string()),
    ]
)


def schema_of(label: pa.DataType) -> pa.Schema:
    """The labels of a day, as they lie in the lake."""
    return pa.schema([("id", pa.string()), ("label", label), ("available_at", TIMES)])


# Only ids that occur in the span are looked up before it, and the span itself is found by the
# row groups' own minimum and maximum of the time: a long history costs one narrow read. Few ids
# occur twice: only theirs are put in order.
# A label that can be read goes before one that cannot: it is no repetition of that.
_JUDGED_LABELS = """
WITH source AS ({source}),
arrived AS (SELECT DISTINCT id FROM source WHERE available_at >= $start AND available_at < $end),
seen AS (
  SELECT *, CAST(available_at AS DATE) AS day
  FROM source SEMI JOIN arrived ON source.id IS NOT DISTINCT FROM arrived.id
  WHERE available_at < $end
),
often AS (SELECT id FROM seen WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1),
told AS (
  SELECT *, CASE WHEN raw IS NULL AND count(label) OVER known > 0 THEN 'filled'
                 WHEN raw IS NULL THEN 'pending'
                 WHEN label IS NULL THEN 'unreadable'
                 WHEN min(label) OVER known <> max(label) OVER known THEN 'contradiction'
                 WHEN row_number() OVER (PARTITION BY id ORDER BY label IS NULL, available_at, raw)
                   > 1 THEN 'duplicate'
                 ELSE 'kept' END AS fate
  FROM seen SEMI JOIN often USING (id)
  WINDOW known AS (PARTITION BY id ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
  UNION ALL
  SELECT *, CASE WHEN id IS NULL THEN 'no_id' WHEN raw IS NULL THEN 'pending'
                 WHEN label IS NULL THEN 'unreadable' ELSE 'kept' END AS fate
  FROM seen ANTI JOIN often USING (id)
)
SELECT id, raw, label, available_at, fate FROM told WHERE available_at >= $start
ORDER BY available_at, id, raw
"""

# A label without its time has no day of its own. It is named on every day whose labels stand in
# the same file, and on every day at all (null) if its file holds no time. Few files have such
# labels: only theirs are read whole.
_FILES_WITH_UNDATED = (
    "WITH source AS ({source}) SELECT DISTINCT file FROM source WHERE available_at IS NULL"
)
_UNDATED_LABELS = """
WITH source AS ({source}),
undated AS (SELECT file, id, raw FROM source WHERE available_at IS NULL AND file IN $files),
dated AS (
  SELECT file, CAST(CAST(available_at AS DATE) AS VARCHAR) AS day,
         available_at >= $start AND available_at < $end AS asked
  FROM source WHERE available_at IS NOT NULL AND file IN $files
),
days AS (SELECT DISTINCT file, day FROM dated WHERE asked),
filled AS (
  SELECT id, CAST(CAST(min(available_at) AS DATE) AS VARCHAR) AS filled_on
  FROM source SEMI JOIN (SELECT id FROM undated WHERE raw IS NULL) USING (id)
  WHERE label IS NOT NULL AND available_at < $end GROUP BY id
),
told AS (
  SELECT undated.*, raw IS NULL AND id IS NOT NULL AS awaited, filled_on
  FROM undated LEFT JOIN filled USING (id)
)
SELECT id, raw, awaited, filled_on, day FROM told JOIN days USING (file)
UNION ALL
SELECT id, raw, awaited, filled_on, NULL AS day FROM told ANTI JOIN dated USING (file)
ORDER BY day, id, raw
"""


_NO_UNDATED = pa.schema(
    [
        ("id", pa.string()),
        ("raw", pa.string()),
        ("awaited", pa.bool_()),
        ("filled_on", pa.string()),
        ("day", pa.string()),
    ]
).empty_table()


@dataclass(frozen=True)
class _Labels:
    """What the source holds: the rows that have a time, and those that have none."""

    dated: pa.Table
    undated: pa.Table

    def of(self, moment: Moment) -> pa.Table:
        """The dated labels of a day that were known at the moment; they are in order of time."""
        times = self.dated["available_at"].cast(TIMES).cast(pa.int64()).to_numpy()
        first, end = np.searchsorted(
            times, [_micros(moment.window.start), _micros(moment.window.end)]
        )
        known = int(np.searchsorted(times, _micros(moment.as_of), side="right"))
        return self.dated.slice(int(first), max(min(int(end), known) - int(first), 0))


def compute_ground_truth(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """The labels that became known on a day: each once, contradictions kept apart. They come from a
    source that the prediction log has no part in."""
    kind, schema = feature.ground_truth.kind, schema_of(label_type(feature.ground_truth))
    found, problem = None, None
    try:
        found = _read_labels(root, feature, moments)
    except (MissingEvidence, LakeUnreachable) as error:
        problem = str(error)
    except duckdb.Error as error:
        problem = f"{feature.ground_truth.labels or 'source.columns.label'}: {first_line(error)}"
    summaries = {}
    for moment in moments:
        if found is None:
            arrival = LabelArrival(moment.partition, problem=problem, kind=kind)
            kept, quarantine = schema.empty_table(), QUARANTINE.empty_table()
        else:
            day = found.of(moment)
            undated, awaited = _undated_of(found.undated, moment.partition)
            kept, quarantine = _kept(day, schema), pa.concat_tables([_quarantine(day), undated])
            arrival = _arrival(moment.partition, kind, day, kept, undated.num_rows, awaited)
            repeated = day.filter(pc.equal(day["fate"], "duplicate"))
            confirm(root.lake, feature.name, moment.partition, repeated["id"])
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


def _read_labels(root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]) -> _Labels:
    span = Window(
        min(moment.window.start for moment in moments), max(moment.window.end for moment in moments)
    )
    with label_source(root, feature, span) as source:
        between = {"start": span.start, "end": span.end}
        dated = _asked(source, _JUDGED_LABELS, between)
        files = _asked(source, _FILES_WITH_UNDATED, {})["file"].to_pylist()
        if not files:
            return _Labels(dated, _NO_UNDATED)
        return _Labels(dated, _asked(source, _UNDATED_LABELS, between | {"files": files}))


def _asked(source: LabelSource, query: str, parameters: Mapping[str, object]) -> pa.Table:
    given = {**source.parameters, **parameters}
    return source.engine.sql(query.format(source=source.sql), params=given or None).to_arrow_table()


def _kept(day: pa.Table, schema: pa.Schema) -> pa.Table:
    rows = day.filter(pc.equal(day["fate"], "kept"))
    return rows.select(schema.names).cast(schema)


def _quarantine(day: pa.Table) -> pa.Table:
    rows = day.filter(pc.is_in(day["fate"], pa.array(["no_id", "unreadable", "contradiction"])))
    columns = [rows["id"], rows["raw"], rows["available_at"], rows["fate"]]
    return pa.table(columns, names=QUARANTINE.names).cast(QUARANTINE)


def _undated_of(undated: pa.Table, partition: str) -> tuple[pa.Table, int]:
    """The labels without a time that are named on this day, and how many rows wait for theirs."""
    told = undated.filter(pc.fill_null(pc.equal(undated["day"], partition), True))
    rows = told.filter(pc.invert(told["awaited"]))
    waiting = told.filter(told["awaited"])
    open_still = pc.fill_null(pc.greater(waiting["filled_on"], partition), True)
    columns = [
        rows["id"],
        rows["raw"],
        pa.nulls(rows.num_rows, QUARANTINE.field("available_at").type),
        pa.repeat("no_time", rows.num_rows),
    ]
    table = pa.table(columns, names=QUARANTINE.names).cast(QUARANTINE)
    return table, waiting.filter(open_still).num_rows


def _arrival(
    partition: str, kind: LabelKind, day: pa.Table, kept: pa.Table, undated: int, awaited: int
) -> LabelArrival:
    fates = {fate["values"]: fate["counts"] for fate in day["fate"].value_counts().to_pylist()}
    return LabelArrival(
        partition,
        kind=kind,
        labels=kept.num_rows,
        positives=_positives(kept["label"]),
        duplicates=fates.get("duplicate", 0),
        contradictions=fates.get("contradiction", 0),
        unreadable=fates.get("unreadable", 0),
        without_id=fates.get("no_id", 0),
        without_time=undated,
        pending=fates.get("pending", 0) + awaited,
    )


def _positives(label: pa.ChunkedArray) -> int | None:
    return (pc.sum(label).as_py() or 0) if pa.types.is_boolean(label.type) else None


def _micros(moment: datetime) -> int:
    return int(np.datetime64(moment.replace(tzinfo=None), "us").astype(np.int64))
