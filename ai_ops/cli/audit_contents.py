"""What an audit bundle holds of a feature's days, and what of it is not there."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.checklist.items import LIST_OF
from ai_ops.cli.model_cards import as_markdown, model_card
from ai_ops.prediction_logging.compaction import LOG, QUARANTINE
from ai_ops.prediction_logging.completeness_report import REPORT
from ai_ops.storage.authority import signers
from ai_ops.storage.bundle import CHAIN, BundleWriter
from ai_ops.storage.chain_extract import concerns, extract
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window

UNPROVABLE: Final = (
    "the log was written by something else before it was read here: nobody counted it, so that its "
    "completeness cannot be proven"
)
README: Final = """# Audit bundle

What stands here was exported from an installation of ai_ops and signed by a person.
`manifest.json` names every file with its size and sha256, what of the span is missing and what was
withheld. `manifest.sig` is the Ed25519 signature of its bytes.

Check it with keys that you have from elsewhere, never with those that stand in it:

    ai-ops audit verify BUNDLE --keys KEYS

- `log/`: each day's predictions as they were logged, what could not be read of a day beside them
- `completeness/`: what is known of each day's completeness
- `log_audit/`: each month's spot check of the log
- `ledger/chain.jsonl`: every block of the ledger; the events that concern this feature and this
  span are told, of the others there is the digest
- `checklists/`: the lists of the weeks and months that touch the span
- `models/`: a card of each version that answered or was live
- `feature/`: the feature's file, and the keys of who decides, as this installation has them
"""


@dataclass(frozen=True)
class Contents:
    """Writes what belongs to the days of a window into a bundle."""

    root: Root
    feature: AiFeatureSpec
    file: Path
    window: Window
    with_rows: bool
    bundle: BundleWriter

    def write(self) -> None:
        """All of it; ``MissingEvidence`` when there is no log of any of the days."""
        self.bundle.add("README.md", README.encode())
        self.bundle.add("feature/defs.yaml", self.file.read_bytes())
        keys = {domain: signers(self.root, self.feature, [domain]) for domain in OWNED_DOMAINS}
        self.bundle.add_json("feature/public_keys.json", keys)
        versions = self._days()
        self._months()
        self._lists()
        self._models(versions)
        content, proof = extract(self.root.ledger, concerns(self.feature.name, self.window))
        self.bundle.add(CHAIN, content)
        self.bundle.ledger.update(
            head=proof.head,
            birth=proof.birth,
            blocks=proof.blocks,
            events=proof.events,
            told=len(proof.told),
        )
        if self.feature.source is not None:
            self.bundle.notes.append(UNPROVABLE)

    def _days(self) -> Counter[str]:
        """Each day's log with what lies beside it; how many rows name each version."""
        versions: Counter[str] = Counter()
        days = 0
        for day in self.window.days():
            content = self._content(LOG, day)
            if content is None:
                self.bundle.lack("log", day, self._why_not(day))
                continue
            days += 1
            table = pq.read_table(pa.BufferReader(content), columns=["model_version"])
            versions.update(table["model_version"].drop_null().to_pylist())
            self._rows(f"log/{day}.parquet", content, table.num_rows)
            damaged = self._content(QUARANTINE, day)
            if damaged is None:
                self.bundle.lack("quarantine", day, "nobody wrote what could not be read")
            else:
                rows = pq.read_metadata(pa.BufferReader(damaged)).num_rows
                self._rows(f"log/{day}.quarantine.parquet", damaged, rows)
            self._json("completeness", REPORT, day)
        if not days:
            span = list(self.window.days())
            raise MissingEvidence(
                f"{self.feature.name}: no day's log was written from {span[0]} to {span[-1]}: "
                "there is nothing to export"
            )
        return versions

    def _rows(self, path: str, content: bytes, rows: int) -> None:
        add = self.bundle.add if self.with_rows else self.bundle.withhold
        add(path, content, rows)

    def _json(self, name: str, asset: str, partition: str) -> None:
        content = self._content(asset, partition, "json")
        if content is None:
            self.bundle.lack(name, partition, f"{asset} was not materialised")
        elif asset == "log_audit" and not self.with_rows:
            self.bundle.withhold(f"{name}/{partition}.json", content)  # it names ids
        else:
            self.bundle.add(f"{name}/{partition}.json", content)

    def _months(self) -> None:
        for first in _months(self.window):
            if self._is_over(Window.of_month(first)):
                self._json("log_audit", "log_audit", first)

    def _lists(self) -> None:
        """The checklists of the weeks and months that touch the span, and the one before launch."""
        for name, starts in (("weekly", _mondays), ("monthly", _months)):
            asset = LIST_OF["weekly" if name == "weekly" else "monthly"]
            for first in starts(self.window):
                window = Window.of_week(first) if name == "weekly" else Window.of_month(first)
                if self._is_over(window):
                    self._json(f"checklists/{name}", asset, first)
        self._json("checklists/pre_launch", LIST_OF["pre_launch"], "latest")

    def _models(self, rows: Counter[str]) -> None:
        """A card of each version that answered in the span or was live in it."""
        standing = standing_of(self.root.ledger, self.feature.name)
        live = {standing.live_at(self.window.start)} | {
            move.version for move in standing.moves if self.window.holds(move.at)
        }
        for version in sorted({*rows, *(one for one in live if one)}):
            card = model_card(self.root, self.feature, version, standing, rows.get(version))
            name = "".join(c if c.isalnum() and c.isascii() else "_" for c in version)
            path = f"models/version_{name}"
            if any(one.path == f"{path}.json" for one in self.bundle.files):
                path += f"_{len(self.bundle.files)}"  # two names that differ in what no path takes
            self.bundle.add_json(f"{path}.json", card)
            self.bundle.add(f"{path}.md", as_markdown(card).encode())
            for words in card["unknown"]:
                if self.feature.trained_here:
                    self.bundle.lack("model", version, words)

    def _content(self, asset: str, partition: str, ending: str = "parquet") -> bytes | None:
        lake = self.root.lake
        try:
            return lake.read_bytes(lake.path(self.feature.name, asset, partition, ending))
        except MissingEvidence:
            return None

    def _is_over(self, window: Window) -> bool:
        return window.end <= self.root.clock.now()

    def _why_not(self, day: str) -> str:
        first, end = self.feature.monitoring.start, self.feature.monitoring.end
        if date.fromisoformat(day) < first or (end and date.fromisoformat(day) >= end):
            return "the feature was not monitored on that day"
        if not self._is_over(Window.of_day(day)):
            return "that day is not over yet"
        return "its log was not written"


def _mondays(window: Window) -> Iterator[str]:
    first = window.start.date()
    monday = first - timedelta(days=first.weekday())
    while Window.of_day(monday).start < window.end:
        yield monday.isoformat()
        monday += timedelta(days=7)


def _months(window: Window) -> Iterator[str]:
    yield from dict.fromkeys(f"{day[:7]}-01" for day in window.days())
