"""The environments of a feature: production, and those whose answers nobody relies on.

Each has an alias of the registry, and segments and a lake of its own, so that what is logged there
can never be read as what production answered. Ledger, registry and clock are the root's.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.decisions import appended
from ai_ops.storage.lake import Lake
from ai_ops.storage.ledger import Ledger, NewEvent
from ai_ops.storage.ledger_chain import Event
from ai_ops.storage.registry import CHALLENGER, CHAMPION, REHEARSAL, STAGING, Registry
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.clock import Clock
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import Environment

ALIASES: Final[Mapping[Environment, str]] = {
    "production": CHAMPION,
    "staging": STAGING,
    "challenger": CHALLENGER,
    "rehearsal": REHEARSAL,
}
"""The registry's alias of the version in each environment."""

PLACED: Final[tuple[Environment, ...]] = ("staging", "challenger")
"""The environments that a version is put into without a gate: it answers no user there."""

FOLDER: Final = "environments"
"""Below the root's folder; in the lake with an underscore, as no feature is named."""


def beside(root: Root, environment: Environment) -> Root:
    """The root as an environment without users sees it: other segments, another lake.

    Nothing of it is where production's is looked for; production itself and a rehearsal, which
    becomes production, are the root.
    """
    if environment not in PLACED:
        return root
    return _Beside(root.folder / FOLDER / environment, root.environment, root, environment)


def place(
    root: Root,
    feature: AiFeatureSpec,
    environment: Environment,
    version: str | None,
    *,
    by: str,
    reason: str = "",
) -> Event:
    """Put a version into staging or make it the challenger; None takes out what is there.

    The ledger first, the alias second: whatever stops in between is named by the next look, and
    doing it again completes it. ``BadInput`` when there is nothing to take out, and for a
    challenger of a feature whose server asks none.
    """
    if environment not in PLACED:
        raise BadInput(f"{environment}: only {' and '.join(PLACED)} take a version this way")
    if not feature.trained_here:
        raise BadInput(f"{feature.name}: its model is served by others; it has no versions here")
    if environment == "challenger" and version is not None and not feature.serving.shadow:
        raise BadInput(
            f"{feature.name}: serving.shadow is not set, so the server would never ask a "
            "challenger; set it to true, and start the server again"
        )
    if version is not None:
        root.registry.version(feature.name, version)

    def decide(standing: Standing) -> NewEvent:
        before = standing.placed(environment)
        previous = before.version if before else None
        if version is None and previous is None:
            where = "in staging" if environment == "staging" else f"the {environment}"
            raise BadInput(f"{feature.name}: no version is {where}; there is none to take out")
        if environment == "challenger" and version is not None and version == standing.live:
            raise BadInput(f"{feature.name}: version {version} is live: it cannot challenge itself")
        said = {
            "environment": environment,
            "version": version,
            "previous": previous,
            "by": by,
            "reason": reason,
        }
        return NewEvent("placement", feature.name, said)

    event = appended(root, feature, decide)
    root.registry.assign(feature.name, ALIASES[environment], version)
    return event


@dataclass(frozen=True)
class _Beside(Root):
    home: Root
    name: Environment

    @cached_property
    def lake(self) -> Lake:
        home = self.home.lake
        return replace(home, url=posixpath.join(home.url, f"_{FOLDER}", self.name))

    @cached_property
    def ledger(self) -> Ledger:
        return self.home.ledger

    @cached_property
    def registry(self) -> Registry:
        return self.home.registry

    @property
    def clock(self) -> Clock:
        return self.home.clock
