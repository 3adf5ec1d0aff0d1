"""The feed's days as they are stored beside the profiles: written with them, read back lazily."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.feed.day import FeedDay, Parts
from ai_ops.drift_monitoring.feed.marks import marks_by_column
from ai_ops.drift_monitoring.feed.normal import FeedNormal, normal_of
from ai_ops.drift_monitoring.profile import rows_of
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.rows import LOG
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence

FEED: Final = "prediction_profile/feed"
NORMAL: Final = "reference_profile/feed"
_REFERENCE: Final = "reference_profile"
_PROFILE: Final = "prediction_profile"
_PARTS: Final = ("call_site", "tenant")


@dataclass(frozen=True)
class StoredFeed(Mapping[str, FeedDay]):
    """The days of a feature's feed, each read when it is first asked for.

    A day whose profile was made before there were marks is marked from its profile and its log.
    """

    root: Root
    feature: str
    read: dict[str, tuple[FeedDay, Evidence] | None] = field(default_factory=dict)

    def __getitem__(self, day: str) -> FeedDay:
        """The day; KeyError when it was never profiled."""
        if day not in self.read:
            self.read[day] = self._read(day)
        found = self.read[day]
        if found is None:
            raise KeyError(day)
        return found[0]

    def __iter__(self) -> Iterator[str]:
        """The days that were read and are there."""
        return (day for day, found in self.read.items() if found is not None)

    def __len__(self) -> int:
        """How many days were read and are there."""
        return sum(1 for _ in self)

    def evidence(self, day: str) -> tuple[Evidence, ...]:
        """The judged day's file, and the days before it that were read, as one."""
        own = {one: found[1] for one, found in sorted(self.read.items()) if found is not None}
        told = (own.pop(day),) if day in own else ()
        if not own:
            return told
        folder = f"{self.feature}/{FEED}"
        digests = "".join(one.digest for one in own.values())
        whole = sha256(digests.encode()).hexdigest()
        return (*told, Evidence(f"{folder}: {len(own)} days {min(own)} … {max(own)}", whole))

    def _read(self, day: str) -> tuple[FeedDay, Evidence] | None:
        lake = self.root.lake
        try:
            path = lake.path(self.feature, FEED, day, "json")
            content = lake.read_bytes(path)
            return _parsed(content), Evidence(path.removeprefix(f"{lake.url}/"), _digest(content))
        except MissingEvidence:
            pass
        try:
            table, evidence = lake.read_table(lake.path(self.feature, _PROFILE, day))
        except MissingEvidence:
            return None
        return feed_day(self.root, self.feature, day, rows_of(table)), evidence


@lru_cache(maxsize=256)
def _parsed(content: bytes) -> FeedDay:
    # A range of days looks back on the same days again and again.
    return FeedDay.from_data(json.loads(content))


@lru_cache(maxsize=256)
def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


@lru_cache(maxsize=4)
def _parsed_normal(content: bytes) -> FeedNormal:
    return FeedNormal.from_data(json.loads(content))


def write_feed_day(
    root: Root, feature: AiFeatureSpec, day: str, profile: Sequence[Mapping[str, Any]]
) -> None:
    """Keep what the feed's judgements look back on of a day that was just profiled."""
    made = feed_day(root, feature.name, day, profile)
    root.lake.write_json(root.lake.path(feature.name, FEED, day, "json"), made.as_data())


def feed_day(root: Root, feature: str, day: str, profile: Sequence[Mapping[str, Any]]) -> FeedDay:
    """A day of the feed from its profile, and from its log who asked."""
    first = profile[0]["column"] if profile else None
    sites, tenants = _asked(root, root.lake.path(feature, LOG, day)) if profile else ({}, {})
    return FeedDay(
        rows=sum(row["count"] for row in profile if row["column"] == first),
        cells=profile[0]["reference_digest"] if profile else "",
        call_sites=Parts.of(sites),
        tenants=Parts.of(tenants),
        columns=marks_by_column(profile),
    )


def write_normal(
    root: Root, feature: AiFeatureSpec, reference: Reference, profile: pa.Table
) -> None:
    """Keep how alike the reference's days are."""
    made = normal_of(rows_of(profile), reference.cells_digest, dated=bool(reference.calendar))
    path = root.lake.path(feature.name, NORMAL, reference.version, "json")
    root.lake.write_json(path, made.as_data())


def read_normal(root: Root, feature: AiFeatureSpec, reference: Reference) -> FeedNormal:
    """How alike the reference's days are; of one made before that was kept, from its profile."""
    lake = root.lake
    try:
        path = lake.path(feature.name, NORMAL, reference.version, "json")
        known = _parsed_normal(lake.read_bytes(path))
        if known.cells == reference.cells_digest:
            return known
    except MissingEvidence:
        pass
    table, _ = lake.read_table(lake.path(feature.name, _REFERENCE, reference.version))
    return normal_of(rows_of(table), reference.cells_digest, dated=bool(reference.calendar))


def _asked(root: Root, path: str) -> tuple[Counter[str], Counter[str]]:
    """The answered predictions of a log by call site and by tenant, batch by batch."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in _PARTS}
    fs, inner = url_to_fs(path, **(root.lake.storage_options or {}))
    try:
        with fs.open(inner, "rb") as opened:
            file = pq.ParquetFile(opened)
            there = [name for name in _PARTS if name in file.schema_arrow.names]
            for batch in file.iter_batches(1 << 20, columns=["status", *there], use_threads=False):
                answered = batch.filter(pc.equal(batch["status"], "ok"))
                for name in there:
                    for one in pc.value_counts(answered[name]).to_pylist():
                        if one["values"] is not None:
                            counts[name][str(one["values"])] += one["counts"]
    except FileNotFoundError:
        pass  # a profile outlives a log that was archived: then nobody knows who asked
    return counts["call_site"], counts["tenant"]
