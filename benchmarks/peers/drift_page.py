"""How long the page that people look at takes, of a log of any size: a process of its own."""

import json
import os
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cells import columns_of
from ai_ops.drift_monitoring.evidently_page import ask_evidently
from ai_ops.drift_monitoring.sampling import Sampled, sample_window
from ai_ops.storage.root import Root

DAYS = ("2021-01-01", "2021-01-02")


def main(reference: str, current: str) -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no measurement
    with tempfile.TemporaryDirectory() as folder:
        root = Root.open(Path(folder))
        for day, file in zip(DAYS, (reference, current), strict=True):
            _log(root, day, file)
        feature = _feature(reference)
        seen: dict[str, Any] = {}
        with _measured(seen, "import"):
            os.environ["DO_NOT_TRACK"] = "1"
            import evidently
            import evidently.metrics  # noqa: F401
        with _measured(seen, "sample"):
            then, now = (sample_window(root, feature, [day], "1") for day in DAYS)
        with _measured(seen, "page"):
            page = ask_evidently(columns_of(feature), now.rows, then.rows)
        seen |= {"html_mb": len(page.html) / 1e6, "sample_rows": _rows(now), "log_rows": now.of}
    print(json.dumps(seen), file=out)


def _rows(sampled: Sampled) -> int:
    return len(sampled.rows)


class _measured:
    def __init__(self, seen: dict[str, Any], name: str) -> None:
        self.seen, self.name = seen, name

    def __enter__(self) -> None:
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seen[f"{self.name}_cpu_s"] = time.process_time() - self.cpu
        self.seen[f"{self.name}_wall_s"] = time.perf_counter() - self.wall


def _log(root: Root, day: str, file: str) -> None:
    """The rows as a day's log, row group by row group, as the service writes it."""
    target = Path(root.lake.path("made", "prediction_log", day))
    target.parent.mkdir(parents=True, exist_ok=True)
    source = pq.ParquetFile(file)
    writer = None
    for group in range(source.num_row_groups):
        part = source.read_row_group(group)
        part = part.append_column("status", pa.repeat("ok", part.num_rows))
        part = part.append_column("model_version", pa.repeat("1", part.num_rows))
        writer = writer or pq.ParquetWriter(target, part.schema, compression="zstd")
        writer.write_table(part)
    assert writer is not None
    writer.close()


def _feature(file: str) -> AiFeatureSpec:
    owner = {"accountable": "someone@example.com"}
    inputs = [
        {
            "name": name.removeprefix("input_"),
            "type": "category" if name.startswith("input_c") else "number",
        }
        for name in pq.read_schema(file).names
    ]
    return AiFeatureSpec.model_validate(
        {
            "name": "made",
            "title": "Made rows",
            "served_by": "own_model",
            "monitoring": {"start": date.fromisoformat(DAYS[0])},
            "inputs": inputs,
            "outputs": [{"name": "probability", "type": "probability"}],
            "judged": {"score": "probability"},
            "ground_truth": {"labels": "sources/made/labels/*.parquet"},
            "user_actions": {"table": "sources/made/actions/*.parquet"},
            "owners": {
                "prediction_logging": owner,
                "drift_monitoring": owner,
                "retraining_pipeline": owner,
                "inference_management": owner,
                "accuracy_evaluation": {"follows": "drift_monitoring"},
            },
            "serving": {"expected_peak": {"requests_per_second": 5}},
        }
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
