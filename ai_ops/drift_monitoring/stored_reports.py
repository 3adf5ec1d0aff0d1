"""The stored reports on pairs and on slices as a history that is read as far as it is needed."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence

Report = TypeVar("Report")


@dataclass(frozen=True)
class StoredEffects(Mapping[str, Report], Generic[Report]):
    """The reports of a feature by day, of one folder of the lake; ``parse`` reads their JSON."""

    root: Root
    feature: str
    folder: str
    parse: Callable[[Mapping[str, Any]], Report]
    read: dict[str, tuple[Report, Evidence] | None] = field(default_factory=dict)

    def __getitem__(self, day: str) -> Report:
        """The day's report; KeyError when it was never made."""
        if day not in self.read:
            try:
                data, evidence = self.root.lake.read_json(self._path(day))
                self.read[day] = self.parse(data), evidence
            except MissingEvidence:
                self.read[day] = None
        found = self.read[day]
        if found is None:
            raise KeyError(day)
        return found[0]

    def put(self, day: str, report: Report, data: Mapping[str, Any]) -> None:
        """Keep a report."""
        # Hundreds of records: without line breaks json's own C code writes them.
        content = json.dumps(data, sort_keys=True).encode()
        self.read[day] = report, self.root.lake.write_bytes(self._path(day), content)

    def __iter__(self) -> Iterator[str]:
        """The days that were read and have a report."""
        return (day for day, found in self.read.items() if found is not None)

    def __len__(self) -> int:
        """How many days were read and have a report."""
        return sum(1 for _ in self)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What was read so far, in the order of the days."""
        return tuple(found[1] for _, found in sorted(self.read.items()) if found is not None)

    def _path(self, day: str) -> str:
        return self.root.lake.path(self.feature, self.folder, day, "json")
