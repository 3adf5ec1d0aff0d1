"""The one resource: an environment of ai_ops is its root, nothing else changes."""

import dagster as dg

from ai_ops.storage.root import ROOT_VARIABLE, Root


class RootResource(dg.ConfigurableResource[None]):
    """The lake, the segments, the ledger, the registry and the clock of this installation."""

    folder: str

    def open(self) -> Root:
        """The root; databases are opened when first used."""
        return Root.open(self.folder)


def root_from_environment() -> RootResource:
    """The root that ``AI_OPS_ROOT`` names, or ``./data``."""
    return RootResource(folder=dg.EnvVar(ROOT_VARIABLE).get_value("data") or "data")
