"""Labels of four kinds, from CSV, from S3, from the source itself, with and without a time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_ops.accuracy_evaluation.labels import compute_ground_truth, judge_labels_arrived
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.ai_features.source import RecordColumns, Source
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.accuracy_evaluation.world import at_schedule, open_root
from ai_ops_tests.s3_server import serve_s3

DAY, NEXT = "2013-04-01", "2013-04-02"
NOON = datetime(2013, 4, 1, 12, tzinfo=UTC)
TIMES = pa.timestamp("us", "UTC")
TABLE = "sources/truth/*"

pytestmark = pytest.mark.requirement("MO-02", "FR-1")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "sources" / "truth").mkdir(parents=True)
    return open_root(tmp_path)


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    yield from serve_s3()


def with_truth(feature: AiFeatureSpec, **truth: Any) -> AiFeatureSpec:
    declared = GroundTruth(**({"labels": TABLE} | truth))
    source = Source(files="none/*.parquet", columns=RecordColumns(time="at"))
    return feature.model_copy(update={"ground_truth": declared, "source": source})


def labels_of(
    root: Root, feature: AiFeatureSpec, day: str = DAY
) -> tuple[dict[str, Any], list[tuple[str | None, str]], Verdict]:
    """What is kept of a day, what is set apart, and the verdict on it."""
    compute_ground_truth(root, feature, [at_schedule(day)])
    kept, _ = root.lake.read_table(root.lake.path(feature.name, "ground_truth", day))
    apart, _ = root.lake.read_table(root.lake.path(feature.name, "ground_truth/quarantine", day))
    found = dict(zip(kept["id"].to_pylist(), kept["label"].to_pylist(), strict=True))
    strange = zip(apart["label"].to_pylist(), apart["reason"].to_pylist(), strict=True)
    return found, sorted(strange, key=str), judge_labels_arrived(root, feature, at_schedule(day))


def write(root: Root, labels: list[Any] | pa.Array, **columns: Any) -> None:
    count = len(labels)
    table = {
        "id": [f"p-{n}" for n in range(count)],
        "label": labels,
        "available_at": pa.array([NOON] * count, TIMES),
    }
    kept = {name: column for name, column in (table | columns).items() if column is not None}
    pq.write_table(pa.table(kept), root.folder / "sources" / "truth" / "t.parquet")


@pytest.mark.parametrize(
    ("kind", "labels", "kept", "strange"),
    [
        ({"kind": "classes"}, ["ant", " ", "bee"], ["ant", "bee"], [" "]),
        ({"kind": "classes"}, [3, 4, 3], ["3", "4", "3"], []),
        ({"kind": "classes"}, [3.0, float("nan"), 4.0], ["3", "4"], ["nan"]),
        ({"kind": "number"}, [1, 2, 3], [1.0, 2.0, 3.0], []),
        (
            {"kind": "number"},
            [1.5, float("inf"), float("nan")],
            [1.5],
            ["inf", "nan"],
        ),
        ({"kind": "number"}, ["2.5", "much"], [2.5], ["much"]),
        (
            {"positive": "malignant"},
            ["malignant", "benign", "Malignant", ""],
            [True, False, True],
            [""],
        ),
        ({"positive": "2"}, [2, 1, 2], [True, False, True], []),
        ({"positive": "2"}, [2.0, 1.0], [True, False], []),
    ],
)
def test_a_label_is_read_as_its_kind_says(
    root: Root,
    feature: AiFeatureSpec,
    kind: dict[str, Any],
    labels: list[Any],
    kept: list[Any],
    strange: list[str],
) -> None:
    write(root, labels)
    found, apart, verdict = labels_of(root, with_truth(feature, **kind))
    assert list(found.values()) == kept
    assert apart == sorted((label, "unreadable") for label in strange)
    assert verdict.status == ("fail" if strange else "pass")
    assert ("positives" in verdict.observed) == (kind.get("kind", "binary") == "binary")


def test_two_classes_for_one_id_contradict_and_neither_is_believed(
    root: Root, feature: AiFeatureSpec
) -> None:
    write(root, ["ant", "bee", "cat"], id=["a", "a", "b"])
    found, apart, verdict = labels_of(root, with_truth(feature, kind="classes"))
    assert found == {"b": "cat"}
    assert apart == [("ant", "contradiction"), ("bee", "contradiction")]
    assert "2 labels contradict" in verdict.reason


def test_a_csv_with_a_mark_semicolons_and_a_short_row_is_read(
    root: Root, feature: AiFeatureSpec
) -> None:
    lines = [
        "number;outcome;known",
        "a;1.0;2013-04-01T10:00:00Z",
        "b;0.0;2013-04-01 12:00:00+02:00",
        "c;1.0;2013-04-01 10:00:00",
        "d;;2013-04-01T11:00:00Z",
        "e;1.0",
    ]
    file = root.folder / "sources" / "truth" / "labels.csv"
    file.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode())
    named = {"id_column": "number", "label_column": "outcome", "available_at_column": "known"}
    found, apart, verdict = labels_of(root, with_truth(feature, **named))
    assert found == {"a": True, "b": False}
    assert (verdict.observed["unreadable"], verdict.observed["pending"]) == (0, 1)
    assert verdict.observed["without_time"] == 2, "one tells no zone, one is too short a row"
    assert len(apart) == 2 and verdict.status == "fail"
    zoned = with_truth(feature, **named)
    zoned = zoned.model_copy(
        update={"source": zoned.source.model_copy(update={"time_zone": "Europe/Berlin"})}  # type: ignore[union-attr]
    )
    assert labels_of(root, zoned)[0] == {"a": True, "b": False, "c": True}


def test_labels_on_s3_are_read_where_they_lie(
    root: Root, feature: AiFeatureSpec, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {
        "AWS_ENDPOINT_URL": store,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    fs = fsspec.filesystem("s3", key="test", secret="test", endpoint_url=store)
    fs.mkdir("truth")
    write(root, ["ant", "bee"])
    fs.put_file(str(root.folder / "sources" / "truth" / "t.parquet"), "truth/2013/t.parquet")
    there = with_truth(feature, kind="classes", labels="s3://truth/*/*.parquet")
    remote = Root.open(root.folder, environment=variables)
    found, _, verdict = labels_of(remote, there)
    assert found == {"p-0": "ant", "p-1": "bee"}, verdict.reason


def test_labels_that_stand_in_the_source_are_read_by_when_they_became_known(
    root: Root, feature: AiFeatureSpec
) -> None:
    inside = with_truth(feature, kind="number", labels=None)
    known = [NOON, NOON.replace(day=2), NOON]
    table = {
        "id": ["a", "b", "c"],
        "label": [1.5, 2.5, None],
        "available_at": pa.array(known, TIMES),
    }
    root.lake.write_table(
        root.lake.path(feature.name, "source_labels", "2013-03-30"), pa.table(table)
    )
    found, apart, verdict = labels_of(root, inside)
    assert found == {"a": 1.5} and not apart
    assert (verdict.status, verdict.observed["pending"]) == ("pass", 1)
    assert labels_of(root, inside, NEXT)[0] == {"b": 2.5}


def test_labels_without_a_time_count_some_hours_after_their_prediction(
    root: Root, feature: AiFeatureSpec
) -> None:
    timeless = with_truth(feature, available_at_column=None, mature_after_hours=24.0)
    write(root, [True, False, True, True], available_at=None, id=["a", "b", "c", "unknown"])
    with pytest.raises(MissingEvidence):
        root.lake.read_table(root.lake.path(feature.name, "prediction_log", DAY))
    _, _, verdict = labels_of(root, timeless)
    assert verdict.status == "no_evidence" and "available_at_column" in verdict.reason
    hours = [datetime(2013, 3, 31, 9, tzinfo=UTC), datetime(2013, 3, 31, 23, tzinfo=UTC), NOON]
    for day, chosen in (("2013-03-31", [0, 1]), (DAY, [2])):
        log = {"id": np.array(["a", "b", "c"])[chosen]}
        log["time"] = pa.array([hours[place] for place in chosen], TIMES)
        root.lake.write_table(root.lake.path(feature.name, "prediction_log", day), pa.table(log))
    assert labels_of(root, timeless)[0] == {"a": True, "b": False}
    assert labels_of(root, timeless, NEXT)[0] == {"c": True}


def test_no_label_at_all_is_no_evidence_and_names_the_field(
    root: Root, feature: AiFeatureSpec
) -> None:
    _, _, verdict = labels_of(root, with_truth(feature, kind="classes"))
    assert verdict.status == "no_evidence"
    assert "ground_truth.labels: no file matches sources/truth/*" in verdict.reason
    write(root, pa.array([], pa.string()))
    _, _, verdict = labels_of(root, with_truth(feature, kind="classes"))
    assert verdict.status == "no_evidence" and "no label became known" in verdict.reason


def test_a_feature_whose_answers_nobody_learns_has_no_labels_to_read(
    root: Root, feature: AiFeatureSpec
) -> None:
    with pytest.raises(MissingEvidence, match=r"kind: none\): accuracy is unknown"):
        compute_ground_truth(root, with_truth(feature, kind="none", labels=None), [])
