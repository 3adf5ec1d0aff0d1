"""The rows that drove an alert, beside rows of the reference: a small file for a person to look at.

It holds what the log holds, under the feature's privacy policy, and is to be deleted with the
days of the log that it was taken from. Verdicts and metadata name the file, never a row.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import isfinite
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cause_look import Look
from ai_ops.drift_monitoring.cause_rows import only, version_asked
from ai_ops.drift_monitoring.cell_of_rows import cell_of_rows
from ai_ops.drift_monitoring.cells import columns_of
from ai_ops.drift_monitoring.history import REPORT
from ai_ops.drift_monitoring.statistics import Floats
from ai_ops.drift_monitoring.statistics.population import SMOOTHING
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

ROWS_KEPT: Final = f"{REPORT}/rows"
A_SIDE: Final = 200
"""At most so many rows that drove it, and of the reference."""
ENVELOPE: Final = ("id", "time", "call_site", "tenant")
PRIVACY: Final = b"ai_ops.privacy"
"""The key of the file's metadata under which its policy stands."""
PROTECTED: Final = ("hmac:", "enc:")
"""How a value begins that the log hashed or encrypted."""

Data = dict[str, Any]


def keep_rows(look: Look, drifted: Sequence[str]) -> Data:
    """Write the rows that drove the drift of these columns; returns what may be told of the file.

    Of each row, what its cells add to the columns' PSI counts: those that add most are kept.
    """
    rows = only(look.rows, look.window)
    if not rows.num_rows:
        raise MissingEvidence("the window's log has no rows any more")
    driving = rows.take(pa.array(_most(rows, _weights(look, rows, drifted))))
    reference = look.known.take(pa.array(_spread_out(look.known.num_rows)))
    table = side_by_side(look.feature, drifted, driving, reference)
    policy = policy_of(look.feature, min(pc.unique(driving["day"]).to_pylist()))
    table = table.replace_schema_metadata({PRIVACY: json.dumps(policy)})
    path = rows_path(look.root, look.feature, look.day)
    evidence = look.root.lake.write_table(path, table)
    return {
        "source": evidence.source,
        "digest": evidence.digest,
        "day": look.day,
        "rows": driving.num_rows,
        "reference_rows": reference.num_rows,
        "delete_after": policy["delete_after"],
    }


def read_rows(
    root: Root, feature: AiFeatureSpec, day: str, today: date
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows that were kept of a day's alert, and their policy.

    ``MissingEvidence`` when none were kept, or they are kept longer than the policy allows.
    """
    try:
        table, _ = root.lake.read_table(rows_path(root, feature, day))
    except MissingEvidence:
        kept = sorted(root.lake.listing(rows_path(root, feature, day).rpartition("/")[0]))
        days = ", ".join(name.partition(".")[0] for name in kept[-5:]) or "none"
        raise MissingEvidence(
            f"{feature.name}: no rows were kept of {day}: an alert keeps them on its first day, "
            f"and when it is 1, 3 and 7 days old; the latest are: {days}"
        ) from None
    policy: dict[str, Any] = json.loads((table.schema.metadata or {}).get(PRIVACY, b"{}"))
    if policy.get("delete_after", "") < today.isoformat():
        raise MissingEvidence(
            f"{feature.name}: the rows of {day} were to be kept until "
            f"{policy.get('delete_after') or 'nobody knows when'} only (privacy.retention_days): "
            "delete the file"
        )
    rows = table.to_pylist()
    return [{name: _json_ready(value) for name, value in row.items()} for row in rows], policy


def rows_path(root: Root, feature: AiFeatureSpec, day: str) -> str:
    """Where the rows of a day's alert lie."""
    return root.lake.path(feature.name, ROWS_KEPT, day)


def policy_of(feature: AiFeatureSpec, oldest: str) -> Data:
    """What the file says of itself: the rules, and the last day on which it may be kept."""
    days = feature.privacy.retention_days
    last = date.fromisoformat(oldest) + timedelta(days=days)
    return {
        "fields": dict(feature.privacy.fields),
        "retention_days": days,
        "delete_after": last.isoformat(),
    }


def _weights(look: Look, rows: pa.Table, drifted: Sequence[str]) -> Floats:
    """What each row's cells add to the PSI of the columns, where their share grew."""
    total = np.zeros(rows.num_rows)
    version = version_asked(look.reference)
    for name in drifted:
        column = look.reference.column(name)
        places = cell_of_rows(column.cells, rows)
        now = np.bincount(places, minlength=len(column.counts)) + SMOOTHING
        then = column.counts + SMOOTHING
        a, b = now / now.sum(), then / then.sum()
        grown = np.where(a > b, (a - b) * np.log(a / b), 0.0)
        own = grown[places]
        if column.cells.column.role == "output" and version is not None:
            own = np.where(pc.equal(rows["model_version"], version).to_numpy(), own, 0.0)
        total += own
    return total


def _most(rows: pa.Table, weights: Floats) -> list[int]:
    """The places of the rows of most weight; of equal ones some of every time, not the first."""
    order = np.random.default_rng(0).permutation(rows.num_rows)
    return [int(n) for n in order[np.argsort(-weights[order], kind="stable")][:A_SIDE]]


def _spread_out(rows: int) -> list[int]:
    kept = min(rows, A_SIDE)
    return [int(n) for n in np.linspace(0, rows - 1, kept)] if kept else []


def side_by_side(
    feature: AiFeatureSpec, drifted: Sequence[str], driving: pa.Table, reference: pa.Table
) -> pa.Table:
    """Both sides as one table: the drifted columns first, then what names a row, then the rest.

    A field that the policy drops is not in it. Of one that it hashes or encrypts only what the log
    holds like that is kept, and nothing of the reference, which no policy went over.
    """
    own = {one.name: one.source for one in columns_of(feature)}
    first = {name: own[name] for name in drifted if name in own}
    rest = {name: source for name, source in own.items() if name not in first}
    columns: dict[str, Any] = {}
    sides = [
        pa.repeat(word, t.num_rows) for word, t in (("now", driving), ("reference", reference))
    ]
    columns["side"] = pa.concat_arrays(sides)
    for field, name in (*first.items(), *((one, one) for one in ENVELOPE), *rest.items()):
        rule = feature.privacy.fields.get(field)
        if rule is None or rule == "keep":
            columns[name] = _both(driving, reference, name)
        elif rule != "drop":
            columns[name] = _protected(driving, reference, name)
    return pa.table(columns)


def _both(driving: pa.Table, reference: pa.Table, name: str) -> pa.ChunkedArray:
    """A column of both sides: numbers as numbers, times as times, what is of two kinds as texts."""
    there = [t[name] for t in (driving, reference) if name in t.column_names]
    types = [one.type for one in there if not pa.types.is_null(one.type)]
    common = pa.string()
    if types and all(map(_is_number, types)):
        common = pa.float64()
    elif types and all(map(pa.types.is_timestamp, types)):
        common = pa.timestamp("us", "UTC")
    chunks = [
        t[name].cast(common) if name in t.column_names else pa.nulls(t.num_rows, common)
        for t in (driving, reference)
    ]
    return pa.chunked_array([_flat(chunk) for chunk in chunks], common)


def _protected(driving: pa.Table, reference: pa.Table, name: str) -> pa.ChunkedArray:
    """A column under a rule: what the log hashed or encrypted, nothing of the reference."""
    texts = (
        driving[name].cast(pa.string()).to_pylist()
        if name in driving.column_names
        else [None] * driving.num_rows
    )
    kept = [one if one and one.startswith(PROTECTED) else None for one in texts]
    missing = pa.nulls(reference.num_rows, pa.string())
    return pa.chunked_array([pa.array(kept, pa.string()), missing], pa.string())


def _json_ready(value: Any) -> Any:
    """A value of a row as JSON has it: times in ISO 8601, no NaN."""
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not isfinite(value) else value


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)
    )


def _flat(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
