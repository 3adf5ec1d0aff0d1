"""A root: the place where everything of one installation lies, live or replay from its birth."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from ai_ops.storage.clocks import ReplayClock, WallClock
from ai_ops.storage.lake import Lake, open_lake
from ai_ops.storage.ledger import Ledger
from ai_ops.storage.registry import Registry
from ai_ops.vocabulary.clock import Clock
from ai_ops.vocabulary.errors import BadInput, ClockRefused

ROOT_VARIABLE = "AI_OPS_ROOT"
LEDGER_VARIABLE = "AI_OPS_LEDGER_URL"
LAKE_VARIABLE = "AI_OPS_LAKE_URL"
TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"


@dataclass(frozen=True)
class Root:
    """The lake, the segments, the ledger, the registry and the clock of one installation.

    Databases are SQLite files below the folder unless the environment names others; so is the lake
    a folder in it, unless ``AI_OPS_LAKE_URL`` names an ``s3://`` prefix.
    """

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def open(
        cls, folder: Path | str | None = None, environment: Mapping[str, str] | None = None
    ) -> "Root":
        """The root in ``folder``, or where ``AI_OPS_ROOT`` says, or in ``./data``.

        Raises ``BadInput`` for an address such as ``s3://bucket``: a root is a local folder.
        """
        variables = os.environ if environment is None else environment
        named = folder or variables.get(ROOT_VARIABLE) or "data"
        # One slash only, for a Path has already made one of two.
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(named)):
            raise BadInput(
                f"{named}: a root is a local folder for now; name one in {ROOT_VARIABLE} or --root"
            )
        return cls(Path(named).absolute(), dict(variables))

    @cached_property
    def lake(self) -> Lake:
        """The derived files."""
        return open_lake(self.environment.get(LAKE_VARIABLE) or str(self._state), self.environment)

    @cached_property
    def ledger(self) -> Ledger:
        """The append-only book of what was judged and decided."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return Ledger(
            self.environment.get(LEDGER_VARIABLE) or f"sqlite:///{self.folder / 'ledger.db'}"
        )

    @cached_property
    def registry(self) -> Registry:
        """The models: MLflow."""
        store = self.folder / "mlflow"
        uri = self.environment.get(TRACKING_VARIABLE) or f"sqlite:///{store / 'mlflow.db'}"
        return Registry(uri, artifacts=store / "artifacts")

    @property
    def landed(self) -> Path:
        """Where copies of landed segments are kept that were verified: a cache."""
        return self.folder / "landed"

    @property
    def segments(self) -> Path:
        """Where writers of this machine put their segments."""
        return self.folder / "segments"

    @property
    def clock(self) -> Clock:
        """The clock of this root; ``ClockRefused`` when a live root has a replay's clock file."""
        replay = ReplayClock(self._state / "clock.json")
        mode = self.ledger.mode()
        if mode == "live" and replay.file.exists():
            raise ClockRefused(
                f"{replay.file}: this root is live; remove the file, it knows the wall only"
            )
        if mode == "replay" or (mode is None and replay.file.exists()):
            return replay
        return WallClock()

    def begin_replay(self, moment: datetime) -> ReplayClock:
        """Make this root a replay that begins at ``moment``; ``ClockRefused`` in a live root.

        A root in which predictions were logged without a replay's clock is live, judged or not.
        """
        mode = self.ledger.mode()
        if mode == "live":
            raise ClockRefused(f"{self.folder}: a live root refuses any clock but the wall")
        clock = ReplayClock(self._state / "clock.json")
        if mode is None and not clock.file.exists() and any(self.segments.rglob("*.jsonl")):
            raise ClockRefused(
                f"{self.segments}: predictions were logged here by the wall clock, so this root is "
                "live; begin the replay in a new folder"
            )
        clock.advance(moment)
        return clock

    @property
    def _state(self) -> Path:
        return self.folder / "lake"
