"""The one resource: an environment of ai_ops is its root, nothing else changes."""

import dagster as dg
from pydantic import PrivateAttr

from ai_ops.storage.remembering import Files, remembering
from ai_ops.storage.root import Root


class RootResource(dg.ConfigurableResource[None]):
    """The lake, the segments, the ledger, the registry and the clock of this installation.

    Without a folder it is the one that ``AI_OPS_ROOT`` names when a run begins, or ``./data``.
    """

    folder: str = ""
    _files: Files = PrivateAttr(default_factory=Files)

    def open(self) -> Root:
        """The root; databases are opened when first used."""
        return Root.open(self.folder or None)

    def remembered(self) -> Root:
        """The root for one computation or judgement: what does not change meanwhile is read once.

        The files that one op of a run has read need not be read again by the next.
        """
        return remembering(self.open(), self._files)
