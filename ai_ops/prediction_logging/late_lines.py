"""Lines that came after their day was judged: a writer that was cut off, a copied segment."""

import json
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.compaction import LOG, READ
from ai_ops.prediction_logging.completeness_report import REPORT
from ai_ops.prediction_logging.landing import Landing, newest
from ai_ops.prediction_logging.segment_gathering import local_segments
from ai_ops.prediction_logging.segment_store import Store
from ai_ops.prediction_logging.segments import Segments, open_segments
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at before: the state of everything, and the days whose table is whole.

    It is a sensor's cursor, so that a tick reads what changed and not the whole log.
    """

    state: str = ""
    days: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: str | None) -> "Seen":
        """What a cursor says; one that cannot be read was never written by this version.

        >>> Seen.of("garbage") == Seen()
        True
        """
        try:
            data = json.loads(cursor or "{}")
            return cls(str(data["state"]), dict(data["days"]))
        except (ValueError, KeyError, TypeError):
            return cls()

    def cursor(self) -> str:
        """The cursor that says this."""
        return json.dumps({"state": self.state, "days": self.days}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Late:
    """The judged days whose table lacks lines, each with the digest of what lies there now."""

    days: dict[str, str]
    seen: Seen

    def digest(self, days: Collection[str]) -> str:
        """What tells the lines of these days from those of an earlier attempt."""
        return sha256("".join(self.days[day] for day in days).encode()).hexdigest()[:16]


def state_of(root: Root, feature: AiFeatureSpec) -> str:
    """A digest that changes when a segment grows, comes, goes or lands, or anything is judged."""
    local = local_segments(root.segments / feature.name)
    files = sorted((name, *_stat(entry)) for name, entry in local.items())
    landed = Landing(root.lake, feature.name).state()
    told = json.dumps([files, landed, root.ledger.head()])
    return sha256(told.encode()).hexdigest()[:16]


def late_lines(
    root: Root, feature: AiFeatureSpec, judged: Collection[str], seen: Seen, state: str
) -> Late:
    """The days among ``judged`` whose segments hold other lines than their table was made from.

    A day beside one of them is late with it when its own report misses something, which may be what
    came: a part that was lost around midnight is missed on both days.
    Of the landing place only those days are listed in which something landed since they were.
    """
    tokens = Landing(root.lake, feature.name).tokens()
    before = Store(root.lake, feature.name).catalogue.tokens
    try:
        segments = open_segments(root, feature.name, newest(tokens, before))
    except MissingEvidence:
        return Late({}, Seen(state))
    whole: dict[str, str] = {}
    late: dict[str, str] = {}
    for day in sorted(segments.days().intersection(judged)):
        digest = segments.digest(day)
        if seen.days.get(day) == digest or _is_whole(root.lake, feature.name, day, digest):
            whole[day] = digest
        elif not _unreadable(segments, day):
            late[day] = digest
    for day in sorted(late):
        late |= {
            beside: f"{late[day]} {beside}"
            for beside in _beside(day)
            if beside in judged and beside not in late and _misses(root.lake, feature.name, beside)
        }
    # With something late the state is not kept: the next tick has to look again.
    return Late(late, Seen("" if late else state, whole))


def _unreadable(segments: Segments, day: str) -> bool:
    """Whether a table of the day would have to be made without a segment: it is not made."""
    return any(segment.lost for segment in segments.unreadable_on(day))


def _beside(day: str) -> list[str]:
    """The day before and the day after.

    >>> _beside("2021-03-01")
    ['2021-02-28', '2021-03-02']
    """
    own = date.fromisoformat(day)
    return [(own + timedelta(days=days)).isoformat() for days in (-1, 1)]


def _misses(lake: Lake, feature: str, day: str) -> bool:
    """Whether a day's report misses a prediction or a part of a log."""
    try:
        known, _ = lake.read_json(lake.path(feature, REPORT, day, "json"))
    except MissingEvidence:
        return False
    missing = any(one.get("missing") for one in known["incarnations"])
    return missing or known["user_actions"]["without_prediction"] > 0


def _is_whole(lake: Lake, feature: str, day: str, digest: str) -> bool:
    """Whether the day's table was made from what lies there now.

    One that does not say what it was made from is left as it is.
    """
    try:
        content = lake.read_bytes(lake.path(feature, LOG, day))
    except MissingEvidence:
        return False
    metadata: dict[bytes, bytes] = pq.read_schema(pa.BufferReader(content)).metadata or {}
    return metadata.get(READ, digest.encode()) == digest.encode()


def _stat(entry: os.DirEntry[str]) -> tuple[int, int]:
    try:
        found = entry.stat()
    except OSError:  # gone since it was listed: the next look sees another state
        return 0, 0
    return found.st_size, found.st_mtime_ns
