"""What a rollback is decided on: the version in production beside the one that would come back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import plain
from ai_ops.retraining_pipeline.obstacles import of_rollback
from ai_ops.retraining_pipeline.produced import Produced, as_data, produced, told
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, standing_of
from ai_ops.vocabulary.errors import AiOpsError


@dataclass(frozen=True, slots=True)
class Compared:
    """What both versions produced while they were live, and what is in the way of going back.

    ``live`` is None before a launch, ``target`` where it was never live or nobody named one; both
    with a ``problem`` where it cannot be read: that forbids no way back either.
    """

    feature: str
    version: str | None
    live: Produced | None
    target: Produced | None
    incidents: tuple[Incident, ...]
    in_the_way: tuple[str, ...]
    problem: str | None = None

    @classmethod
    def of(cls, root: Root, spec: AiFeatureSpec, version: str | None) -> "Compared":
        """Read from ledger, lake and registry as they are now."""
        standing, now = standing_of(root.ledger, spec.name), root.clock.now()
        live, target, problem = None, None, None
        try:
            live = produced(root, spec, standing, standing.live, now) if standing.live else None
            target = produced(root, spec, standing, version, now) if version else None
        except AiOpsError as error:
            problem = f"what was produced cannot be read: {error}"
        wrong = of_rollback(root, spec, version, standing) if version else ("no version is named",)
        return cls(spec.name, version, live, target, standing.open_incidents, wrong, problem)

    def lines(self) -> Iterator[str]:
        """All of it for a person, what others wrote without codes for the terminal."""
        if self.problem:
            yield plain(self.problem)
        else:
            yield f"{self.feature}: in production is"
            yield from map(plain, told(self.live) if self.live else ("nothing: not launched",))
            yield "going back to"
            back = told(self.target) if self.target else (f"version {self.version}: never live",)
            yield from map(plain, back)
        for one in self.incidents:
            yield plain(f"open incident {one.id} ({one.severity}): {one.reason}")
        for reason in self.in_the_way:
            yield plain(f"in the way: {reason}")

    def as_data(self) -> dict[str, Any]:
        """The same as JSON-ready data."""
        return {
            "feature": self.feature,
            "live": as_data(self.live) if self.live else None,
            "target": as_data(self.target) if self.target else None,
            "open_incidents": [
                {"id": one.id, "alert": one.alert, "state": one.state, "reason": one.reason}
                for one in self.incidents
            ],
            "in_the_way": list(self.in_the_way),
            "problem": self.problem,
        }
