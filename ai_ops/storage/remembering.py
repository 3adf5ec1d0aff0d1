"""A root as one computation or judgement sees it: what does not change meanwhile is read once.

A range of days looks at the same files and asks the same questions again for every day and check.
Files are known by what the folder says of them (a file is replaced, never changed); what was
decided, and which version an alias names, is as it was when it was first asked for. Whoever acts
on what he reads (promotes, answers an alert) opens the root as it is.
"""

import json
import os
from collections import OrderedDict
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from ai_ops.storage.lake import Lake, table_in
from ai_ops.storage.ledger import Event, Ledger
from ai_ops.storage.ledger_chain import Block
from ai_ops.storage.ledger_queries import of_verdicts
from ai_ops.storage.ledger_tables import EVENTS
from ai_ops.storage.registry import Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import Evidence, RecordedVerdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import EventKind, RootMode

MOST_BYTES: Final = 128 * 1024 * 1024
"""What is remembered of files; beyond that the ones that were used longest ago are forgotten."""

SMALL: Final = 256 * 1024
"""A file that is written is remembered up to this size: what is read of larger ones is columns."""

Key = tuple[Hashable, ...]


@dataclass
class Files:
    """What was read of files, by path and state; bounded."""

    most: int = MOST_BYTES
    size: int = 0
    _held: OrderedDict[Key, tuple[Any, int]] = field(default_factory=OrderedDict)

    def get(self, key: Key) -> Any | None:
        """What is remembered under a key; None when nothing is."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: Key, value: Any, size: int) -> None:
        """Remember something of some bytes, unless it is too large to be worth the others."""
        if size > self.most // 4 or key in self._held:
            return
        self._held[key] = value, size
        self.size += size
        while self.size > self.most:
            _, (_, gone) = self._held.popitem(last=False)
            self.size -= gone


def remembering(root: Root, files: Files | None = None) -> Root:
    """The root, with a memory: of ``files`` that may outlast it, of decisions and aliases its own.

    A lake in an object store is not remembered: what it would say of a file costs a request.
    """
    seen = Root(root.folder, root.environment)
    lake, registry = root.lake, root.registry
    if lake.is_local:
        held = Files() if files is None else files
        vars(seen)["lake"] = _RememberedLake(lake.url, lake.storage_options, held)
    vars(seen)["ledger"] = _RememberedLedger(root.ledger.url)
    vars(seen)["registry"] = _RememberedRegistry(registry.uri, artifacts=registry.artifacts)
    return seen


@dataclass(frozen=True, slots=True)
class _RememberedLake(Lake):
    files: Files = field(default_factory=Files, compare=False)

    def read_bytes(self, path: str) -> bytes:
        return self._known(path)[0]

    def read_json(self, path: str) -> tuple[Any, Evidence]:
        content, evidence = self._known(path)
        return json.loads(content), evidence

    def read_table(self, path: str, columns: list[str] | None = None) -> tuple[pa.Table, Evidence]:
        key = (path, _state_of(path), tuple(columns) if columns is not None else None)
        known: tuple[pa.Table, Evidence] | None = self.files.get(key)
        if known is not None:
            return known
        content, evidence = self._known(path)
        table = table_in(path, content, columns)
        if _state_of(path) == key[1]:
            self.files.put(key, (table, evidence), table.nbytes)
        return table, evidence

    def write_bytes(self, path: str, content: bytes | memoryview) -> Evidence:
        evidence = Lake.write_bytes(self, path, content)
        if len(content) <= SMALL:
            self.files.put((path, _state_of(path)), (bytes(content), evidence), len(content))
        return evidence

    def _known(self, path: str) -> tuple[bytes, Evidence]:
        state = _state_of(path)
        known: tuple[bytes, Evidence] | None = self.files.get((path, state))
        if known is not None:
            return known
        content = Lake.read_bytes(self, path)
        evidence = self._evidence(path, content)
        if state is not None and _state_of(path) == state:
            self.files.put((path, state), (content, evidence), len(content))
        return content, evidence


def _state_of(path: str) -> tuple[int, int, int] | None:
    """What tells a file from the one that takes its place; None when there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(frozen=True)
class _RememberedLedger(Ledger):
    said: dict[Key, list[Event]] = field(default_factory=dict, compare=False)
    judged: dict[str, Mapping[str, list[RecordedVerdict]]] = field(
        default_factory=dict, compare=False
    )

    def mode(self) -> RootMode | None:
        return self._mode or Ledger.mode(self)

    def events(
        self,
        feature: str | None = None,
        kinds: Collection[EventKind] | None = None,
        as_of: datetime | None = None,
        after: int = 0,
    ) -> list[Event]:
        key = (feature, None if kinds is None else frozenset(kinds), after)
        if key not in self.said:
            self.said[key] = Ledger.events(self, feature, kinds, None, after)
        if as_of is None:
            return list(self.said[key])
        then = utc(as_of)
        replayed = self._mode == "replay"
        return [
            event
            for event in self.said[key]
            if event.as_of <= then and (replayed or event.recorded_at <= then)
        ]

    def verdicts(
        self,
        feature: str,
        *,
        window: Window | None = None,
        as_of: datetime | None = None,
        items: Collection[str] | None = None,
        assets: Collection[str] | None = None,
        afterwards: bool = False,
    ) -> list[RecordedVerdict]:
        by_item = self._by_item(feature)
        then = utc(as_of) if as_of is not None else None
        latest: dict[Key, tuple[Key, RecordedVerdict]] = {}
        for item in by_item if items is None else set(items):
            # In the order of the chain: of two with one rank the later one stands.
            for one in by_item.get(item, ()):
                known = self._mode == "replay" or then is None or _recorded(one) <= then
                if then is not None and (one.as_of > then or not (known or afterwards)):
                    continue
                if assets is not None and one.asset not in assets:
                    continue
                place, rank = (one.item, one.asset, one.partition), (known, one.as_of)
                if place not in latest or rank >= latest[place][0]:
                    latest[place] = rank, one
        found = [one for _, one in latest.values()]
        if window is not None:
            found = [
                one
                for one in found
                if one.window.start < window.end and one.window.end > window.start
            ]
        return sorted(found, key=_order)

    def _by_item(self, feature: str) -> Mapping[str, list[RecordedVerdict]]:
        if feature not in self.judged:
            query = (
                sa.select(EVENTS.c.payload)
                .where(*of_verdicts(feature, None, None, None))
                .order_by(EVENTS.c.block_seq, EVENTS.c.idx)
            )
            by_item: dict[str, list[RecordedVerdict]] = {}
            for one in self._read_verdicts(feature, query):
                by_item.setdefault(one.item, []).append(one)
            self.judged[feature] = by_item
        return self.judged[feature]

    def _append(self, *args: Any, **more: Any) -> Block:
        self.said.clear()
        self.judged.clear()
        return Ledger._append(self, *args, **more)

    @cached_property
    def _mode(self) -> RootMode | None:
        return Ledger.mode(self)


def _recorded(one: RecordedVerdict) -> datetime:
    return one.recorded_at or one.as_of


def _order(one: RecordedVerdict) -> tuple[datetime, str, str, bool, str]:
    # A verdict without partition stands before those with one, as in the database.
    return one.window.start, one.item, one.asset, one.partition is not None, one.partition or ""


@dataclass(frozen=True)
class _RememberedRegistry(Registry):
    told: dict[Key, Any] = field(default_factory=dict, compare=False)

    def alias(self, name: str, alias: str) -> str | None:
        key = ("alias", name, alias)
        if key not in self.told:
            self.told[key] = Registry.alias(self, name, alias)
        found: str | None = self.told[key]
        return found
