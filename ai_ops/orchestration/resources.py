"""The one resource: an environment of ai_ops is its root, nothing else changes."""

import dagster as dg

from ai_ops.storage.root import Root


class RootResource(dg.ConfigurableResource[None]):
    """The lake, the segments, the ledger, the registry and the clock of this installation.

    Without a folder it is the one that ``AI_OPS_ROOT`` names when a run begins, or ``./data``.
    """

    folder: str = ""

    def open(self) -> Root:
        """The root; databases are opened when first used."""
        return Root.open(self.folder or None)
