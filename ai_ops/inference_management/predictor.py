"""The model of an alias of the registry, followed by polling, swapped as one piece."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ai_ops.inference_management.explained import Explains
from ai_ops.storage.loaded_model import LoadedModel
from ai_ops.storage.registry import CHAMPION, Registry
from ai_ops.vocabulary.clock import Clock
from ai_ops.vocabulary.errors import AiOpsError

GLANCE_SECONDS: Final = 0.1
"""How often it is looked whether a move was told, between the polls of the registry."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What serves at one moment. A request reads it once: version and model cannot part.

    ``problem`` says in words why the registry's champion may be another one, ``load_seconds`` how
    long the model took to load.
    """

    version: str | None = None
    model: LoadedModel | None = None
    registry_reachable: bool = False
    last_poll: datetime | None = None
    problem: str | None = None
    load_seconds: float | None = None


class Champion:
    """Follows an alias of one model, every ``poll_seconds``, in a thread of its own.

    The last good model goes on serving when the registry does not answer, when the alias is gone,
    and when a new champion cannot be loaded; ``serving.problem`` then says so. One that
    ``rehearses`` serves the version in rehearsal until there is a champion. The ``alias`` of
    another environment is followed likewise; with ``lets_go`` nothing serves once it is gone.
    What ``explains`` does not explain is not served: the alias alone brings no version to users.
    When what ``told`` tells changes, it looks at once instead of waiting for the next poll.
    """

    def __init__(
        self,
        registry: Registry,
        name: str,
        poll_seconds: float,
        clock: Clock,
        *,
        rehearses: bool = False,
        alias: str = CHAMPION,
        lets_go: bool = False,
        explains: Explains | None = None,
        told: Callable[[], object] = lambda: None,
    ) -> None:
        self._registry, self._name, self._clock = registry, name, clock
        self._rehearses, self._alias, self._lets_go = rehearses, alias, lets_go
        self._poll_seconds, self._explains, self._told = poll_seconds, explains, told
        self._serving = Serving()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=alias, daemon=True)

    @property
    def serving(self) -> Serving:
        """What serves now: one immutable value, replaced as a whole."""
        return self._serving

    def start(self) -> None:
        """Load the champion, then follow it."""
        self.poll()
        self._thread.start()

    def stop(self) -> None:
        """End the following; what serves stays."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._poll_seconds + 1)

    def poll(self) -> None:
        """Look once, and load the champion if it is another version than the one that serves."""
        now = self._serving
        try:
            self._serving = self._looked(now)
        except Exception as error:  # whatever a registry does: a follower that died would be silent
            problem = str(error) if isinstance(error, AiOpsError) else repr(error)
            self._serving = replace(now, registry_reachable=False, problem=problem)

    def _follow(self) -> None:
        told = self._told()
        while not self._ended_before(told):
            told = self._told()  # before the look: what moves meanwhile is seen by the next one
            self.poll()

    def _ended_before(self, told: object) -> bool:
        """Wait for the next poll, or until another move was told; whether it ended meanwhile."""
        due = time.monotonic() + self._poll_seconds
        while (left := due - time.monotonic()) > 0 and self._told() == told:
            if self._ended.wait(min(left, GLANCE_SECONDS)):
                return True
        return self._ended.is_set()

    def _looked(self, now: Serving) -> Serving:
        version = self._asked()
        seen = replace(now, registry_reachable=True, last_poll=self._clock.now(), problem=None)
        if version is None:
            problem = f"{self._name}: no version has the alias {self._alias}"
            kept = replace(seen, version=None, model=None) if self._lets_go else seen
            return replace(kept, problem=problem)
        if unexplained := self._unexplained(version, now.version):
            return replace(seen, problem=unexplained)
        if version == now.version:
            return seen
        begun = time.perf_counter()
        try:
            model = self._registry.load(self._name, version)
        except Exception as error:  # a damaged model may fail in any way; the old one must go on
            return replace(seen, problem=f"version {version} cannot be loaded: {error}")
        took = time.perf_counter() - begun
        return replace(seen, version=version, model=model, load_seconds=took)

    def _unexplained(self, version: str, serving: str | None) -> str | None:
        try:
            return self._explains(version, serving) if self._explains else None
        except Exception as error:  # a ledger that does not answer: what serves goes on
            return f"the ledger does not say whether version {version} is live: {error}"

    def _asked(self) -> str | None:
        if self._rehearses:
            return self._registry.serving_version(self._name)
        return self._registry.alias(self._name, self._alias)
