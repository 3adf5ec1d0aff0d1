"""Where the segments of a feature lie now: on this machine, at the landing place, or on both."""

import os
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from shutil import rmtree

from ai_ops.client.names import ENDING
from ai_ops.prediction_logging.ingest import Ingest
from ai_ops.prediction_logging.landing import Landed, Landing, NotVerified
from ai_ops.prediction_logging.landing_records import (
    LANDING,
    OTHER_CONTENT,
    SPANNING,
    UNREACHABLE,
    Manifest,
    is_day,
)
from ai_ops.prediction_logging.segment_index import UNDATED, SegmentIndex
from ai_ops.prediction_logging.segment_store import Known, Store, held_days
from ai_ops.prediction_logging.unreadable import GONE, Unreadable
from ai_ops.prediction_logging.whole_index import whole_index
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import LakeUnreachable

KEPT_SECONDS = 3 * 24 * 3600
"""How long copies of landed segments stay on this machine once no run asks for their day."""

_AT_ONCE = 8


@dataclass
class Gathered:
    """The segments of the days asked for, and of all that may grow: where each can be read."""

    indexes: dict[str, SegmentIndex] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)


class Gathering:
    """One look at everything that a feature's segments may be."""

    def __init__(
        self,
        root: Root,
        feature: str,
        store: Store,
        days: Collection[str] | None,
        ingest: Ingest | None = None,
    ):
        self._ingest = ingest
        self._home, self._cache = root.segments / feature, root.landed / feature
        self._store, self._landing = store, Landing(root.lake, feature)
        self._reachable = True
        self.found = Gathered()
        self.local = local_segments(self._home)
        self.landed = dict(self._listed(days))
        self._days = set(days) if days is not None else store.days()

    def gather(self) -> Gathered:
        """Look at each segment once; what was whole before and lies there unchanged is not read."""
        known = {name: one for day in sorted(self._days) for name, one in self._filed(day)}
        known |= self._store.open
        fetched = self._fetched(known)
        here = (name for name in self.local if name in known or not self._is_elsewhere(name))
        for name in sorted({*here, *self.landed}):
            self._look(name, known.get(name), fetched.get(name))
        if self._reachable:
            self.found.unreadable += [
                Unreadable(name, GONE, UNDATED, frozenset(held_days(one.index)))
                for name, one in sorted(known.items())
                if name not in self.local and name not in self.landed
            ]
        return self.found

    def _filed(self, day: str) -> Iterator[tuple[str, Known]]:
        yield from self._store.day(day).items()

    def _is_elsewhere(self, name: str) -> bool:
        """Whether it is filed under days that nobody asked for."""
        day = self._store.filed_under(name)
        return day is not None and day not in self._days and name not in self.landed

    def _listed(self, days: Collection[str] | None) -> Iterator[tuple[str, Landed]]:
        try:
            tokens = self._landing.tokens()
            places = self._landing.places() if days is None else [*filter(is_day, days), SPANNING]
            for place in sorted(set(places)):
                yield from self._landing.listing(place).items()
                if place in tokens:
                    self._store.catalogue.tokens[place] = tokens[place]
        except LakeUnreachable as error:
            self._reachable = False
            reason = f"{UNREACHABLE} ({error})"
            self.found.unreadable.append(Unreadable(LANDING, reason, UNDATED))

    def _fetched(
        self, known: dict[str, Known]
    ) -> dict[str, tuple[Manifest, Path] | NotVerified | LakeUnreachable]:
        """What is read from the landing place, several at once: it is far away."""

        def fetch(
            landed: Landed,
        ) -> tuple[Manifest, Path] | NotVerified | LakeUnreachable:
            before = known.get(landed.segment)
            try:
                anew = not (before and before.manifest and before.state == landed.state)
                if anew or not (before and before.manifest):
                    manifest = self._landing.verify(landed)
                else:
                    manifest = before.manifest
                if self._lies_here(landed.segment):
                    return manifest, Path(self.local[landed.segment])
                return manifest, self._landing.fetch(landed.place, manifest, self._cache, anew)
            except (NotVerified, LakeUnreachable) as error:
                return error

        if not self.landed:
            return {}
        self._forget_copies()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(self.landed, pool.map(fetch, self.landed.values()), strict=True))

    def _lies_here(self, name: str) -> bool:
        if name in self.local and not os.path.exists(self.local[name]):
            del self.local[name]  # it was shipped, confirmed and removed since it was listed
        return name in self.local

    def _look(
        self,
        name: str,
        known: Known | None,
        fetched: tuple[Manifest, Path] | NotVerified | LakeUnreachable | None,
    ) -> None:
        manifest = None
        file = Path(self.local[name]) if name in self.local else None
        if isinstance(fetched, Exception):
            self._refuse(name, fetched)
        elif fetched is not None:
            manifest, file = fetched
        if file is None:
            return
        try:
            if manifest and known and known.manifest == manifest and name not in self.local:
                index = known.index  # of the same bytes: they were digested
            else:
                index = refreshed(known.index if known else None, file, name, self._ingest)
        except OSError as error:
            since = SegmentIndex.of(*_parts(name)).day
            days = frozenset(held_days(known.index)) if known else frozenset[str]()
            reason = error.strerror or str(error)
            self.found.unreadable.append(Unreadable(name, reason, since, days))
            return
        told = Known(index=index)
        if known:  # what was verified before stays known while the landing place cannot be asked
            told.sha256, told.hashed = known.sha256, known.hashed
            told.manifest, told.state = known.manifest, known.state
        if manifest:
            told.manifest, told.state = manifest, self.landed[name].state
            if name in self.local and not _is_same(told, file):
                told, file = self._decide(name, told, file)
        if UNDATED in index.days:
            reason = "no line of it tells its day"
            self.found.unreadable.append(Unreadable(name, reason, UNDATED, lost=False))
        elif not index.days:  # a segment has its name only once it holds its first line
            reason = "it holds no line: what it held is lost"
            day = frozenset({SegmentIndex.of(*_parts(name)).day} - {UNDATED})
            self.found.unreadable.append(Unreadable(name, reason, UNDATED, day, lost=False))
        if told != known and index.days:  # nothing is known of it otherwise, also when it is gone
            self._store.file(name, told)
        self.found.indexes[name], self.found.files[name] = told.index, file
        if manifest and told.manifest:
            self.found.manifests[name] = told.manifest

    def _refuse(self, name: str, error: Exception) -> None:
        landed = self.landed[name]
        if name in self.local and landed.manifest is None:
            return  # it is being shipped: what lies here is read
        reason = f"{UNREACHABLE} ({error})" if isinstance(error, LakeUnreachable) else str(error)
        days = frozenset({landed.place} if is_day(landed.place) else ())
        since = SegmentIndex.of(*_parts(name)).day
        lost = name not in self.local
        self.found.unreadable.append(Unreadable(name, reason, since, days, lost=lost))

    def _decide(self, name: str, told: Known, local: Path) -> tuple[Known, Path]:
        """Which of two segments of one name is read: the one whose seal holds, or else this one.

        The other is named in any case, so that the day is not whole until somebody has looked.
        """
        manifest, landed = told.manifest, self.landed[name]
        assert manifest is not None
        file, which = local, "the one on this machine is read"
        if manifest.sealed and told.index.unlike_seal != []:
            with suppress(NotVerified, LakeUnreachable):
                file = self._landing.fetch(landed.place, manifest, self._cache)
                told = Known(
                    index=refreshed(None, file, name), manifest=manifest, state=landed.state
                )
                which = "the landed one is read, for its seal holds"
        if file is local:
            told = Known(index=told.index, sha256=told.sha256, hashed=told.hashed)
        reason = f"{OTHER_CONTENT} ({which})"
        days = frozenset(held_days(told.index))
        self.found.unreadable.append(Unreadable(name, reason, UNDATED, days, lost=False))
        return told, file

    def _forget_copies(self) -> None:
        """Remove old copies of days that this run does not need: they can be fetched again."""
        for place in self._cache.glob("*"):
            old = time.time() - place.stat().st_mtime > KEPT_SECONDS
            if old and place.name not in self._days:
                rmtree(place, ignore_errors=True)


def local_segments(home: Path) -> dict[str, os.DirEntry[str]]:
    """The segments of a feature's folder, by ``<writer>/<file>``."""
    found = {}
    with suppress(FileNotFoundError):
        for writer in os.scandir(home):
            if writer.is_dir():
                for entry in os.scandir(writer.path):
                    if entry.name.endswith(ENDING):
                        found[f"{writer.name}/{entry.name}"] = entry
    return found


def refreshed(
    known: SegmentIndex | None, file: Path, name: str, ingest: Ingest | None = None
) -> SegmentIndex:
    """The index of a file, grown by what was written since it was ``known``."""
    with file.open("rb") as content:
        found = os.fstat(content.fileno())
        index = known
        if index is None or not index.describes(
            content.read(128), found.st_size, found.st_mtime_ns
        ):
            index = SegmentIndex.of(*_parts(name))
        # Two writes may share a time of change: what lies behind is looked at until it is sealed.
        behind = found.st_size > index.offset and index.sealing is None
        if index.looked != found.st_mtime_ns or index.tail or behind:
            if not index.offset and (whole := whole_index(index, content, ingest)):
                whole.looked = found.st_mtime_ns
                return whole
            index = deepcopy(index)  # the one before tells what the day's sum was made of
            content.seek(index.offset)
            index.grow(content)
            index.looked = found.st_mtime_ns
            index.compare_with_seal(content)
        return index


def _is_same(told: Known, file: Path) -> bool:
    """Whether the local file is what landed; it is digested once for each time it changed."""
    manifest = told.manifest
    assert manifest is not None
    found = file.stat()
    if found.st_size != manifest.size:
        return False
    if told.hashed != found.st_mtime_ns:
        with file.open("rb") as content:
            told.sha256, told.hashed = file_digest(content, "sha256").hexdigest(), found.st_mtime_ns
    return told.sha256 == manifest.sha256


def _parts(name: str) -> tuple[str, str]:
    writer, _, file = name.rpartition("/")
    return writer, file.removesuffix(ENDING)
