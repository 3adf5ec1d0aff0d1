"""Shipping: whole segments go to the landing place; local ones go once compaction confirmed them.

Everything is decided from what lies here and there, so that a round that was cut short is simply
begun again: a manifest is written after its data was read back, and says that it landed.
"""

import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from ai_ops.prediction_logging.landing import Landed, Landing
from ai_ops.prediction_logging.landing_records import (
    UNREACHABLE,
    MachineStatus,
    Receipt,
    place_of,
)
from ai_ops.prediction_logging.segment_gathering import local_segments, refreshed
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.segment_store import held_days
from ai_ops.prediction_logging.sending import is_whole, land
from ai_ops.prediction_logging.shipping_state import Shipped, State, load, remember
from ai_ops.prediction_logging.spool import (
    Sample,
    bytes_in,
    describe,
    features_in,
    is_as_sent,
    is_ended,
    reached,
    recent,
    spool_of,
    unsealed,
)
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.clock import Clock
from ai_ops.vocabulary.errors import LakeUnreachable

_REMEMBERED_EACH: Final = 16
"""After so many segments what has landed is remembered, for a process that is killed."""


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
        now, done = self._clock.now(), Round(self._feature)
        state = load(self._folder, self._feature)
        local = self._looked_at(state)
        ended = [
            name
            for name, index in self._indexes.items()
            if name not in state.shipped and is_ended(local[name], index)
        ]
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
                self._tell(status, state)
        except (LakeUnreachable, OSError) as error:
            unreachable = str(error)
        remember(self._folder, self._feature, state)
        return Round(self._feature, done.landed, done.removed, unreachable, status, status.warnings)

    def _looked_at(self, state: State) -> dict[str, Path]:
        """The segments that lie here; of those that did not land, the index is brought up to now.

        What has landed and was changed since is looked at as if it had not.
        """
        found = {}
        for name, entry in sorted(local_segments(self._home).items()):
            file = Path(entry)
            try:
                shipped = state.shipped.get(name)
                if shipped is None or shipped.changed != file.stat().st_mtime_ns:
                    state.shipped.pop(name, None)
                    self._indexes[name] = refreshed(self._indexes.get(name), file, name)
            except FileNotFoundError:
                continue
            found[name] = file
        state.shipped = {name: one for name, one in state.shipped.items() if name in found}
        self._indexes = {
            name: index
            for name, index in self._indexes.items()
            if name in found and name not in state.shipped
        }
        return found

    def _ship(
        self, ended: list[str], local: dict[str, Path], state: State, done: Round, now: datetime
    ) -> None:
        landed = self._listed(place_of(held_days(self._indexes[name])) for name in ended)
        for name in ended:
            manifest = describe(local[name], self._indexes[name], self._host, now)
            changed = local[name].stat().st_mtime_ns
            if problem := land(self._landing, local[name], manifest, landed.get(name)):
                done.warnings.append(f"{name}: {problem}")
                continue
            state.shipped[name] = Shipped(changed=changed, manifest=manifest)
            place = place_of(manifest.days)
            state.uncounted[place] = state.uncounted.get(place, 0) + 1
            done.landed.append(name)
            if len(done.landed) % _REMEMBERED_EACH == 0:
                remember(self._folder, self._feature, state)

    def _remove(self, local: dict[str, Path], state: State, done: Round) -> None:
        """Remove what compaction has confirmed of every day, and what lies there as it was sent.

        What a day was compacted without, and is not whole there, is sent again by the next round.
        """
        days = {day for shipped in state.shipped.values() for day in shipped.manifest.days}
        receipts = {day: self._landing.receipts(day) for day in days}
        judged = {
            name: shipped
            for name, shipped in state.shipped.items()
            if any(receipts[day] for day in shipped.manifest.days)
        }
        landed = self._listed(place_of(shipped.manifest.days) for shipped in judged.values())
        for name, shipped in judged.items():
            manifest, there = shipped.manifest, landed.get(name)
            expected = Receipt(size=manifest.size, sha256=manifest.sha256)
            if all(receipts[day].get(name) == expected for day in manifest.days):
                if is_as_sent(local[name], manifest) and is_whole(self._landing, manifest, there):
                    local[name].unlink()
                    del state.shipped[name]
                    done.removed.append(name)
                    continue
                done.warnings.append(f"{name}: confirmed, but not as it lies here or there; kept")
            seen = there.state if there else "gone"
            if seen != shipped.seen and not is_whole(self._landing, manifest, there):
                del state.shipped[name]
            shipped.seen = seen

    def _listed(self, places: Iterable[str]) -> dict[str, Landed]:
        landed: dict[str, Landed] = {}
        for place in sorted(set(places)):
            landed |= self._landing.listing(place)
        return landed

    def _tell(self, status: MachineStatus, state: State) -> None:
        self._landing.write_status(status)
        if state.uncounted:
            counts = Counter(self._landing.counts(self.machine))
            counts.update(state.uncounted)
            self._landing.count(self.machine, counts)
            state.uncounted = {}

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
        others = sum(bytes_in(self._folder / name) for name in features_in(self._folder))
        state.samples = recent(state.samples, Sample(now.timestamp(), others))
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
                if name in self._indexes and self._indexes[name].sealing is None
            ],
            reached=state.reached,
            spool=spool,
            warnings=warnings,
        )


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
