"""A category under another name: one vanished, and one of about the same share is new."""

import re
from collections.abc import Mapping
from math import sqrt
from typing import Final

from ai_ops.drift_monitoring.causes.sides import Moved
from ai_ops.drift_monitoring.causes.signs import Sign

SHARE_AT_LEAST: Final = 0.02
"""A category of a smaller share comes and goes by itself."""
LEFT: Final = 0.1
"""A category vanished when at most this share of its own is left."""
ALIKE: Final = 0.2
"""Two shares are alike within this part of them, and what chance adds."""


def renamed(moved: Moved) -> Sign | None:
    """The categories that came back under another name; None when there are none.

    Told by their spelling (case, blanks, a prefix) or, where that says nothing, by their share.
    """
    base = moved.base
    if moved.kind != "category" or not base.rows or not moved.now.rows:
        return None
    pairs = pairs_of(base.shares, moved.now.shares, min(moved.now.rows, base.rows))
    if not pairs:
        return None
    spelled = [pair for pair in pairs if alike(*pair)]
    share = sum(base.shares[old] for old, _ in pairs)
    numbers = {"categories": len(pairs), "spelled_alike": len(spelled), "share": round(share, 4)}
    if spelled:
        words = f"{len(spelled)} of its categories are spelled in another way"
        return Sign("renamed", "bad_data", 0.95, words, numbers)
    words = f"{len(pairs)} of its categories vanished, and as many of the same share are new"
    return Sign("renamed", "bad_data", 0.85, words, numbers)


def pairs_of(
    before: Mapping[str, float], now: Mapping[str, float], rows: int
) -> list[tuple[str, str]]:
    """Each category that vanished with the new one that took its place.

    >>> pairs_of({"EWR": 0.4, "JFK": 0.6}, {"KEWR": 0.41, "JFK": 0.59}, 1000)
    [('EWR', 'KEWR')]
    >>> pairs_of({"EWR": 0.4, "JFK": 0.6}, {"EWR": 0.39, "JFK": 0.59, "LGA": 0.02}, 1000)
    []
    """
    gone = {
        name: share
        for name, share in before.items()
        if share >= SHARE_AT_LEAST and now.get(name, 0.0) <= LEFT * share
    }
    new = {name: share for name, share in now.items() if share > 0 and name not in before}
    found = []
    for old, share in sorted(gone.items(), key=lambda one: -one[1]):
        chance = 3 * sqrt(share * (1 - share) / max(rows, 1))
        near = {
            name: abs(own - share)
            for name, own in new.items()
            if abs(own - share) <= ALIKE * share + chance
        }
        # A name that is spelled alike goes before one of a nearer share.
        if near:
            best = min(near, key=lambda name: (not alike(old, name), near[name]))
            found.append((old, best))
            del new[best]
    return found


def alike(old: str, new: str) -> bool:
    """Whether two names are one in another spelling: case, blanks, signs, a prefix or suffix.

    >>> alike("JFK", "kjfk"), alike("New York", "new_york"), alike("web", "shop")
    (True, True, False)
    """
    a, b = (re.sub(r"[\W_]+", "", name).casefold() for name in (old, new))
    if not a or not b:
        return False
    return a == b or (len(min(a, b, key=len)) >= 2 and (a in b or b in a))
