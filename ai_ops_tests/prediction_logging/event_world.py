"""A feature whose log is events, and writers of the forms that other systems write."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.events.reading import event_files, read_events
from ai_ops.prediction_logging.log_columns import columns_of
from ai_ops.prediction_logging.log_table import Quarantined
from ai_ops.prediction_logging.source_rows import whole_rows
from ai_ops.storage.root import Root

DAY: Final = "2021-03-04"
NOON: Final = datetime(2021, 3, 4, 12, tzinfo=UTC)
NAME: Final = "delays"
CAPTURED: Final = "capture/delays-endpoint/blue/2021/03/04/12/part.jsonl"

_OWNER: Final = {"accountable": "someone@example.com"}
_SPEC: Final = {
    "name": NAME,
    "title": "Is it late?",
    "served_by": "external",
    "monitoring": {"start": NOON.date()},
    "inputs": [
        {"name": "city", "type": "category"},
        {"name": "temp", "type": "number", "nullable": True},
        {"name": "express", "type": "boolean"},
    ],
    "outputs": [
        {"name": "probability", "type": "probability"},
        {"name": "late", "type": "boolean"},
    ],
    "judged": {"score": "probability", "decision": "late"},
    "ground_truth": {"labels": "sources/labels/*.parquet"},
    "owners": {
        "prediction_logging": _OWNER,
        "drift_monitoring": _OWNER,
        "retraining_pipeline": _OWNER,
        "inference_management": _OWNER,
        "accuracy_evaluation": {"follows": "drift_monitoring"},
    },
}


def feature_of(kind: str, files: str = "**/*.jsonl", **told: Any) -> AiFeatureSpec:
    """The feature with this source; ``attributes`` replaces others of its YAML."""
    attributes = told.pop("attributes", {})
    source = {"kind": kind, "files": files, **told}
    return AiFeatureSpec.model_validate({**_SPEC, "source": source, **attributes})


def at(seconds: float) -> str:
    """A moment of the day as SageMaker writes it."""
    return (NOON + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def payload(rows: Sequence[Sequence[Any]], encoding: str, names: Sequence[str]) -> dict[str, Any]:
    """One side of a captured call: CSV, JSON, or one of them in base64 (``BASE64 CSV``)."""
    form = encoding.split()[-1]
    if form == "CSV":
        text, kind = "\n".join(",".join(map(cell, row)) for row in rows) + "\n", "text/csv"
    else:
        told = [dict(zip(names, row, strict=True)) for row in rows]
        text = json.dumps(told[0] if len(told) == 1 else {"instances": told})
        kind = "application/json"
    coded = encoding.startswith("BASE64")
    data = base64.b64encode(text.encode()).decode() if coded else text
    return {
        "observedContentType": kind,
        "mode": "INPUT",
        "data": data,
        "encoding": "BASE64" if coded else form,
    }


def cell(value: Any) -> str:
    """A value as a CSV writer writes it."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    quoted = '"' in text or "," in text or "\n" in text or "\r" in text
    return '"' + text.replace('"', '""') + '"' if quoted else text


def captured(
    id: str,
    asked: Sequence[Sequence[Any]],
    answered: Sequence[Sequence[Any]],
    encoding: tuple[str, str] = ("CSV", "CSV"),
    seconds: float = 0,
    **metadata: Any,
) -> dict[str, Any]:
    """A line of Data Capture."""
    return {
        "captureData": {
            "endpointInput": payload(asked, encoding[0], ("city", "temp", "express")),
            "endpointOutput": payload(answered, encoding[1], ("probability", "late")),
        },
        "eventMetadata": {"eventId": id, "inferenceTime": at(seconds), **metadata},
        "eventVersion": "0",
    }


def cloud_event(part: str, id: str, data: Any, nanos: int = 0, **more: Any) -> dict[str, Any]:
    """An event of KServe's logger in the structured form; its time has nine digits."""
    return {
        "specversion": "1.0",
        "type": f"org.kubeflow.serving.inference.{part}",
        "source": "http://localhost:9081/",
        "id": id,
        "time": f"{NOON:%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z",
        "datacontenttype": "application/json",
        "inferenceservicename": "delays",
        "namespace": "shop",
        "data": data,
        **more,
    }


def write_lines(path: Path, lines: Iterable[Mapping[str, Any] | str | bytes]) -> Path:
    """A file of lines: events, or what is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for line in lines:
            if isinstance(line, Mapping):
                line = json.dumps(line)
            file.write((line.encode() if isinstance(line, str) else line) + b"\n")
    return path


class Read:
    """What was read: the rows in their order, and what was set apart."""

    def __init__(self, root: Root, feature: AiFeatureSpec) -> None:
        columns = columns_of(feature)
        tables: list[pa.Table] = []
        self.quarantined: list[Quarantined] = []
        for _, batch in read_events(root, feature, columns, event_files(root, feature)):
            tables.append(whole_rows(batch, feature, columns))
            self.quarantined += batch.quarantined
        whole = pa.concat_tables(tables) if tables else pa.table({"id": []})
        self.rows = sorted(whole.to_pylist(), key=lambda row: (row["time"], row["id"]))

    def of(self, id: str) -> dict[str, Any]:
        """The one row with this id."""
        [row] = [row for row in self.rows if row["id"] == id]
        return row

    @property
    def told(self) -> list[tuple[int | None, str, str]]:
        """Line, reason and detail of what was set apart."""
        return [(one.offset, one.reason, one.detail or "") for one in self.quarantined]


def values_of(row: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """The typed inputs and outputs of a row."""
    asked = [row[f"input_{name}"] for name in ("city", "temp", "express")]
    return asked, [row[f"output_{name}"] for name in ("probability", "late")]
