"""Files of an existing log that came or changed after their days were judged."""

import json
from collections.abc import Collection
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.day_metadata import LOG, READ, SOURCE
from ai_ops.prediction_logging.late_lines import Late, Seen
from ai_ops.prediction_logging.source_index import SourceIndex, look_at_source
from ai_ops.prediction_logging.source_reading import declared_source, source_files
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence


def state_of_source(root: Root, feature: AiFeatureSpec) -> str:
    """A digest that changes when a file comes, goes or changes, or anything is judged.

    Of a tracking store nothing tells that it changed: its days are asked for when they are due.
    """
    try:
        files = source_files(root, feature, ())
    except MissingEvidence:
        files = []
    told = [[file.name, file.size, file.state if file.size else ""] for file in files]
    return sha256(json.dumps([told, root.ledger.head()]).encode()).hexdigest()[:16]


def late_rows(
    root: Root, feature: AiFeatureSpec, judged: Collection[str], seen: Seen, state: str
) -> Late:
    """The days among ``judged`` of which the files hold other rows than their table was made from.

    While a file cannot be read, or is gone with the rows that it held, no table is made anew.
    """
    try:
        index = look_at_source(root, feature, sorted(judged)).index
    except MissingEvidence:
        return Late({}, Seen(state))
    whole: dict[str, str] = {}
    late: dict[str, str] = {}
    calendar = declared_source(feature).calendar
    for day in sorted(judged):
        digest = index.digest(day, calendar)
        if seen.days.get(day) == digest or _is_whole(root, feature, index, day, digest):
            whole[day] = digest
        elif not index.unreadable:
            late[day] = digest
    # With something late the state is not kept: the next tick has to look again.
    return Late(late, Seen("" if late else state, whole))


def _is_whole(
    root: Root, feature: AiFeatureSpec, index: SourceIndex, day: str, digest: str
) -> bool:
    """Whether a day's table was made from what the files hold now, or from more."""
    rows = sum(one.days.get(day, 0) for one in index.files)
    try:
        content = root.lake.read_bytes(root.lake.path(feature.name, LOG, day))
    except MissingEvidence:
        return not rows  # of a day without rows and without a table nothing is to be made
    metadata: dict[bytes, bytes] = pq.read_schema(pa.BufferReader(content)).metadata or {}
    if metadata.get(READ, b"").decode() == digest:
        return True
    made_of: dict[str, Any] = json.loads(metadata.get(SOURCE, b"{}"))
    return rows < sum(int(one["rows"]) for one in made_of.get("files", ()))
