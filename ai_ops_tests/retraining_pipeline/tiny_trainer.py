"""The trainer of the tests' tiny feature: a constant, the rate of its labels."""

from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.retraining_pipeline.trainer import Trained
from ai_ops.storage.root import Root
from ai_ops_tests.inference_management.serving_world import Constant

A_DAY = 40
"""Rows of a day."""


def history(root: Root, feature: AiFeatureSpec, first: date, before: date) -> pa.Table:
    """Forty rows a day, each label known six hours later."""
    days = [first + timedelta(days=n) for n in range((before - first).days)]
    return pa.concat_tables([rows_of(day) for day in days])


def train(feature: AiFeatureSpec, rows: pa.Table) -> Trained:
    """A version that answers everything with the rate of the labels that it may learn from."""
    rate = float(pc.mean(rows["label"].cast(pa.float64())).as_py())
    names = [column.name for column in feature.inputs]
    columns = {name: rows[f"input_{name}"].to_pylist() for name in names}
    encoder = TabularEncoder.fit(columns, feature.inputs)
    head = {name: values[:4] for name, values in columns.items()}
    reference = rows.drop_columns(["logged", "known_on"])
    score = pa.array(np.full(rows.num_rows, rate))
    reference = reference.append_column(f"output_{feature.judged.score}", score)
    decided = pc.greater_equal(score, feature.judged.threshold)
    reference = reference.append_column(f"output_{feature.judged.decision}", decided)
    known = rows.num_rows - rows["label"].null_count
    return Trained(
        title="the rate",
        module=Constant(rate),
        encoder=encoder,
        example=encoder.encode(head),
        reference=reference,
        metrics={"auc": 0.5, "rate": rate, "n": float(known)},
        params={},
    )


def rows_of(day: date, prefix: str = "h") -> pa.Table:
    """The rows of a day, as a history gives them."""
    start = datetime.combine(day, clock_time(), UTC)
    times = [start + timedelta(minutes=36 * n) for n in range(A_DAY)]
    return pa.table(
        {
            "id": [f"{prefix}-{day}-{n}" for n in range(A_DAY)],
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "tenant": ["t"] * A_DAY,
            "input_city": ["A" if n % 2 else "B" for n in range(A_DAY)],
            "input_temp": pa.array([None if n == 7 else float(n) for n in range(A_DAY)]),
            "input_express": [n % 3 == 0 for n in range(A_DAY)],
            "label": [n % 4 == 0 for n in range(A_DAY)],
            "available_at": pa.array(
                [time + timedelta(hours=6) for time in times], pa.timestamp("us", "UTC")
            ),
        }
    )
