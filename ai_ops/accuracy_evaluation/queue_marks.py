"""Labels that people gave through the queue, and from which day on they speak for the accuracy.

A row that was picked because the model was unsure of it is no sample of anything: an accuracy over
such rows is too low by as much as they were picked well. So a label from the queue counts from the
day on which its row was drawn (by chance, among all), or its label came from elsewhere too.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.storage.lake import Lake

HUMAN_LABELS: Final = "human_labels"
"""What people labelled: one file an import, below the feature in the lake."""
QUEUE: Final = "label_queue"
"""What was handed out to be labelled: one file an export, with why and by which chance."""
CONFIRMED: Final = "ground_truth/confirmed"
"""Labels that people gave and the source told afterwards, by the day on which it did."""

_TIMES: Final = pa.timestamp("us", "UTC")
QUEUED: Final = pa.schema(
    [
        ("id", pa.string()),
        ("day", pa.string()),
        ("picked_by", pa.string()),
        ("probability", pa.float64()),
        ("stratum", pa.string()),
        ("new", pa.bool_()),
        ("exported_at", _TIMES),
    ]
)

Days = npt.NDArray[np.datetime64]
_NEVER: Final = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class QueueMarks:
    """The ids that people labelled, the strata that ids were drawn for, and since when ids are
    drawn among all, or their label was told by the source as well."""

    labelled: pa.Array
    drawn: dict[str, np.datetime64]
    strata: dict[str, str]
    confirmed: dict[str, np.datetime64]

    def drawn_for(self, ids: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        """The stratum that each row was drawn for, empty where it was for none."""
        return np.array([self.strata.get(id, "") for id in ids.tolist()], dtype=object)

    def speak_on(self, ids: npt.NDArray[np.object_], known_on: Days) -> Days:
        """The day from which on each label speaks for the accuracy, NaT for never."""
        by_people = pc.is_in(pa.array(ids.tolist(), pa.string()), self.labelled)
        found = known_on.copy()
        for place in np.flatnonzero(np.asarray(by_people)):
            drawn = self.drawn.get(ids[place], _NEVER)
            told = self.confirmed.get(ids[place], _NEVER)
            # (fmin knows only numbers without NaT, and a maximum with NaT is NaT: never)
            found[place] = np.fmin(told, np.maximum(known_on[place], drawn))
        return found


def queue_marks(lake: Lake, feature: str) -> QueueMarks | None:
    """The marks of a feature; None where nobody ever labelled through the queue."""
    files = lake.glob(f"{feature}/{HUMAN_LABELS}/*.parquet")
    if not files:
        return None
    ids = [lake.read_table(path, ["id"])[0]["id"] for path in files]
    rows = queued(lake, feature)
    of_strata = rows.filter(pc.equal(rows["picked_by"], "stratum"))
    strata = zip(of_strata["id"].to_pylist(), of_strata["stratum"].to_pylist(), strict=True)
    return QueueMarks(
        labelled=pa.chunked_array([chunk for one in ids for chunk in one.chunks]).combine_chunks(),
        drawn=_drawn(rows),
        strata=dict(strata),
        confirmed=_confirmed(lake, feature),
    )


def queued(lake: Lake, feature: str) -> pa.Table:
    """Every row that was ever handed out or drawn, in the order of the exports."""
    files = lake.glob(f"{feature}/{QUEUE}/*.parquet")
    tables = [lake.read_table(path)[0].cast(QUEUED) for path in files]
    return pa.concat_tables([QUEUED.empty_table(), *tables]).sort_by("exported_at")


def confirm(lake: Lake, feature: str, day: str, repeated: pa.Array | pa.ChunkedArray) -> None:
    """Note which labels that people gave before were told again on this day, by the source."""
    marks = queue_marks(lake, feature)
    if marks is None:
        return
    ids = pc.unique(repeated.filter(pc.is_in(repeated, marks.labelled)))
    path = lake.path(feature, CONFIRMED, day)
    if len(ids) or lake.glob(f"{feature}/{CONFIRMED}/{day}.parquet"):
        lake.write_table(path, pa.table({"id": pa.array(ids.to_pylist(), pa.string())}))


def _drawn(rows: pa.Table) -> dict[str, np.datetime64]:
    drawn = rows.filter(pc.equal(rows["picked_by"], "drawn"))
    days: Any = drawn["exported_at"].cast(pa.date32()).to_pylist()
    found: dict[str, np.datetime64] = {}
    for id, day in zip(drawn["id"].to_pylist(), days, strict=True):
        found.setdefault(id, np.datetime64(day, "D"))
    return found


def _confirmed(lake: Lake, feature: str) -> dict[str, np.datetime64]:
    found: dict[str, np.datetime64] = {}
    for path in lake.glob(f"{feature}/{CONFIRMED}/*.parquet"):
        day = np.datetime64(PurePosixPath(path).stem, "D")
        for id in lake.read_table(path, ["id"])[0]["id"].to_pylist():
            found.setdefault(id, day)
    return found
