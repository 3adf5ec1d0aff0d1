"""Shipping: whole segments go to the landing place; local ones go once compaction confirmed them.

Everything is decided from what lies here and there, so that a round that was cut short is simply
begun again: a manifest is written after its data was read back, and says that it landed.
"""

import os
import socket
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from ai_ops.prediction_logging.landing import Landed, Landing, NotVerified
from ai_ops.prediction_logging.landing_records import (
    UNREACHABLE,
    MachineStatus,
    Manifest,
    Receipt,
    place_of,
)
from ai_ops.prediction_logging.segment_gathering import local_segments, refreshed
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.shipping_state import State, load, remember
from ai_ops.prediction_logging.spool import (
    Sample,
    describe,
    is_ended,
    reached,
    recent,
    spool_of,
    unsealed,
)
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.clock import Clock
from ai_ops.vocabulary.errors import LakeUnreachable, MissingEvidence


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did for one feature: names of segments, and what somebody should know."""

    feature: str
    landed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unreachable: str = ""
    status: MachineStatus | None = None
    warnings: list[str] = field(default_factory=list)


class Shipper:
    """Ships one feature's segments from a folder of this machine to a lake.

    ``warn_seconds`` is the time to a full disk below which it warns.
    """

    def __init__(
        self, folder: Path, feature: str, lake: Lake, clock: Clock, warn_seconds: float = 86_400.0
    ) -> None:
        self._home, self._feature, self._clock = folder / feature, feature, clock
        self._landing = Landing(lake, feature)
        self._warn_seconds = warn_seconds
        self._folder = folder
        self._host = socket.gethostname()
        digest = sha256(str(folder.absolute()).encode()).hexdigest()[:8]
        self.machine = f"{self._host}-{digest}"
        self._indexes: dict[str, SegmentIndex] = {}

    def round(self) -> Round:
        """Ship what has ended, remove what was confirmed, tell how things stand.

        A landing place that does not answer ends the round: what waits is shipped by a later one.
        """
        now, state, done = (
            self._clock.now(),
            load(self._folder, self._feature),
            Round(self._feature),
        )
        local = self._looked_at()
        state.shipped = {name: one for name, one in state.shipped.items() if name in local}
        ended = [name for name, file in local.items() if is_ended(file, self._indexes[name])]
        unreachable = ""
        try:
            self._landing.reach()
            self._ship(ended, local, state, done, now)
            self._remove(local, state, done)
        except (LakeUnreachable, OSError) as error:  # a full disk over there, for example
            unreachable = str(error)
        left = {name: file for name, file in local.items() if name not in done.removed}
        status = self._status(left, ended, state, done, unreachable, now)
        try:
            if not unreachable:
                self._landing.write_status(status)
        except (LakeUnreachable, OSError) as error:
            unreachable = unreachable or str(error)
        remember(self._folder, self._feature, state)
        return Round(self._feature, done.landed, done.removed, unreachable, status, status.warnings)

    def _looked_at(self) -> dict[str, Path]:
        """The segments that lie here, each with its index up to now."""
        found = {}
        for name, entry in sorted(local_segments(self._home).items()):
            file = Path(entry)
            try:
                self._indexes[name] = refreshed(self._indexes.get(name), file, name)
            except FileNotFoundError:
                continue
            found[name] = file
        self._indexes = {name: self._indexes[name] for name in found}
        return found

    def _ship(
        self, ended: list[str], local: dict[str, Path], state: State, done: Round, now: datetime
    ) -> None:
        due = {
            name: describe(local[name], self._indexes[name], self._host, now)
            for name in ended
            if state.shipped.get(name, (0,))[0] != local[name].stat().st_mtime_ns
        }
        landed: dict[str, Landed] = {}
        for place in sorted({place_of(manifest.days) for manifest in due.values()}):
            landed |= self._landing.listing(place)
        counts: dict[str, int] = {}
        try:
            for name, manifest in due.items():
                if problem := self._land(local[name], manifest, landed.get(name)):
                    done.warnings.append(f"{name}: {problem}")
                    continue
                place = place_of(manifest.days)
                counts[place] = counts.get(place, 0) + 1
                state.shipped[name] = (local[name].stat().st_mtime_ns, manifest)
                done.landed.append(name)
        finally:
            if counts:
                before = self._landing.counts(self.machine)
                total = {p: before.get(p, 0) + counts.get(p, 0) for p in {*before, *counts}}
                self._landing.count(self.machine, total)

    def _land(self, file: Path, manifest: Manifest, there: Landed | None) -> str:
        """Land one segment, unless it has landed; why it did not otherwise."""
        place, lake = place_of(manifest.days), self._landing.lake
        path = self._landing.path_of(place, manifest.segment)
        if there and there.manifest:
            try:
                known = self._landing.manifest(place, manifest.segment)
            except NotVerified as error:
                return str(error)
            if (known.size, known.sha256) != (manifest.size, manifest.sha256):
                return "another segment of this name has landed; this one stays here"
            if there.data and there.data.size == manifest.size:
                return ""
        lake.upload(path, str(file))
        try:
            if lake.digest_of(path) != (manifest.size, manifest.sha256):
                return "what was read back is not what was sent; it is sent again"
        except MissingEvidence:
            return "it was sent and is not there; it is sent again"
        manifest_path = self._landing.manifest_path(place, manifest.segment)
        lake.write_bytes(manifest_path, msgspec.json.encode(manifest))
        return ""

    def _remove(self, local: dict[str, Path], state: State, done: Round) -> None:
        """Remove what compaction has confirmed, day by day, and what still lies there as it did."""
        receipts: dict[str, dict[str, Receipt]] = {}
        confirmed = []
        for name, (_, manifest) in state.shipped.items():
            for day in manifest.days:
                if day not in receipts:
                    receipts[day] = self._landing.receipts(day)
            expected = Receipt(size=manifest.size, sha256=manifest.sha256)
            if all(receipts[day].get(name) == expected for day in manifest.days):
                confirmed.append((name, manifest))
        listed: dict[str, Landed] = {}
        for place in sorted({place_of(manifest.days) for _, manifest in confirmed}):
            listed |= self._landing.listing(place)
        for name, manifest in confirmed:
            there = listed.get(name)
            whole = there and there.manifest and there.data and there.data.size == manifest.size
            here = describe(local[name], self._indexes[name], self._host, self._clock.now())
            if whole and (here.size, here.sha256) == (manifest.size, manifest.sha256):
                local[name].unlink()
                del state.shipped[name]
                done.removed.append(name)
            else:
                done.warnings.append(f"{name}: confirmed, but not as it lies here or there; kept")

    def _status(
        self,
        local: dict[str, Path],
        ended: list[str],
        state: State,
        done: Round,
        unreachable: str,
        now: datetime,
    ) -> MachineStatus:
        sizes = [file.stat().st_size for file in local.values()]
        state.samples = recent(state.samples, Sample(now.timestamp(), sum(sizes)))
        state.reached = reached(state.reached, list(self._indexes.values()), now)
        to_ship = sum(name not in state.shipped for name in ended)
        spool = spool_of(self._home, sizes, to_ship, state.samples)
        warnings = list(done.warnings)
        left = spool.seconds_to_full
        if unreachable:
            until = f"; the disk is full in {_span(left)}" if left is not None else ""
            warnings.append(
                f"{UNREACHABLE}: {to_ship:,} segments wait, {sum(sizes):,} bytes{until}"
                f" ({unreachable})"
            )
        if left is not None and left < self._warn_seconds:
            rate = spool.growth_bytes_per_second
            warnings.append(f"the disk is full in {_span(left)}, at {rate:,.0f} bytes a second")
        return MachineStatus(
            machine=self.machine,
            host=self._host,
            feature=self._feature,
            at=now.isoformat(),
            unsealed=[
                unsealed(file, self._indexes[name])
                for name, file in local.items()
                if self._indexes[name].sealing is None
            ],
            reached=state.reached,
            spool=spool,
            warnings=warnings,
        )


def features_in(folder: Path) -> list[str]:
    """The features that were logged in a folder of segments."""
    try:
        return sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")
    except FileNotFoundError:
        return []


def pause(every: float, failures: int, cap: float = 300.0) -> float:
    """Seconds until the next round: doubled for each that failed, up to ``cap``.

    >>> [pause(10, failures) for failures in range(7)]
    [10, 20, 40, 80, 160, 300.0, 300.0]
    """
    return min(every * 2**failures, max(cap, every)) if failures < 32 else max(cap, every)


def _span(seconds: float) -> str:
    """A time that a person reads at once.

    >>> _span(90), _span(5400), _span(200000)
    ('2 min', '1.5 h', '2.3 days')
    """
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
