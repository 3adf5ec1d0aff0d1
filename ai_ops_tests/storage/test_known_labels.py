"""Labels of a reference are looked up as what the log calls them."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from ai_ops.storage.known_labels import with_labels
from ai_ops_tests.sourced_world import sourced, write_rows


def test_whole_numbers_in_a_column_of_floats_are_the_classes_and_ids_of_the_log(
    tmp_path: Path,
) -> None:
    truth = {"kind": "classes", "labels": "sources/known.parquet", "label_column": "grade"}
    made = sourced(tmp_path, days=1, rows_a_day=3)
    feature = made.feature.model_copy(
        update={"ground_truth": made.feature.ground_truth.model_copy(update=truth)}
    )
    # As pandas writes integers of which any is missing.
    found = pd.DataFrame({"id": [1.0, 2.0, 3.0, None], "grade": [0.0, 2.5, None, 1.0]})
    write_rows(made.root.folder / "sources" / "known.parquet", found)
    asked = pa.table({"id": ["1", "2", "3"]})
    assert with_labels(made.root, feature, asked, [])["label"].to_pylist() == ["0", "2.5", None]
