"""Whether the ledger explains a version that a server is about to answer with.

The registry's alias says which version to serve, and anybody with access to the registry can move
it; the ledger says which one was decided. A server answers with what both name.
"""

from collections.abc import Callable, Sequence

from ai_ops.storage.registry import REHEARSAL
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move, fold

Explains = Callable[[str, str | None], str | None]
"""Given a version and the one that serves now: why it is not to be served, or None."""


def unexplained(
    version: str, serving: str | None, moves: Sequence[Move], rehearsed: str | None
) -> str | None:
    """Why the ledger does not explain a version, or None when it does.

    It explains the version that its last move brought to production. While the alias was left
    behind that move, it explains the one before for a server that did not follow yet. Before the
    launch it explains the version in rehearsal.

    >>> unexplained("3", None, (), rehearsed="3") is None
    True
    >>> unexplained("3", None, (), rehearsed=None)
    'version 3 has the alias, and the ledger knows no launch of it: it is not served'
    """
    if not moves:
        if version == rehearsed:
            return None
        return f"version {version} has the alias, and the ledger knows no launch of it: " + _END
    last = moves[-1]
    if version == last.version or (version == last.previous and serving != last.version):
        return None
    return (
        f"version {version} has the alias, and by the ledger version {last.version} is live since "
        f"{last.at:%Y-%m-%d %H:%M}: somebody moved the alias by hand; " + _END
    )


def explained_by(root: Root, feature: str) -> Explains:
    """Asks the ledger of a root, by one short read each time."""

    def explains(version: str, serving: str | None) -> str | None:
        events = root.ledger.events(feature, kinds=("launch", "promotion", "rollback"))
        rehearsed = None if events else root.registry.alias(feature, REHEARSAL)
        return unexplained(version, serving, fold(events).moves, rehearsed)

    return explains


_END = "it is not served"
