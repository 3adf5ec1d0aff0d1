"""Where it moved: in one call site or tenant alone, or everywhere alike."""

from collections.abc import Mapping
from typing import Final

from ai_ops.drift_monitoring.causes.signs import Sign

ROWS_AT_LEAST: Final = 30
ALONG: Final = 0.9
"""So many of the values move with the whole when all do: the small ones differ by chance."""
MOVED: Final = 0.25
"""A value moved with the whole when it went at least this part of the way."""


def one_place(call_site: str | None, tenant: str | None) -> Sign | None:
    """That one call site, or one tenant, carries it alone.

    A client that was released anew has one call site; a new customer is a tenant, and no break.

    >>> one_place("web", None).words, one_place(None, None)
    ('it comes from one call site alone', None)
    """
    if call_site is not None:
        words = "it comes from one call site alone"
        return Sign("one_place", "bad_data", 0.55, words, {"call_site": call_site})
    if tenant is not None:
        words = "it comes from one tenant alone"
        return Sign("one_place", "bad_data", 0.3, words, {"tenant": tenant})
    return None


def everywhere(shifts: Mapping[str, Mapping[str, tuple[float, int]]], whole: float) -> Sign | None:
    """That every call site and every tenant moved the same way: of each how far, and its rows.

    >>> everywhere({"tenant": {"a": (0.5, 100), "b": (0.7, 200)}}, 0.6).words
    'all 2 tenants moved the same way'
    >>> everywhere({"tenant": {"a": (0.0, 100), "b": (0.9, 200)}}, 0.6) is None
    True
    """
    told: dict[str, int] = {}
    for kind, values in shifts.items():
        known = [shift for shift, rows in values.values() if rows >= ROWS_AT_LEAST]
        along = sum(shift >= MOVED * whole for shift in known)
        if len(known) >= 2 and whole > 0:
            if along < ALONG * len(known):
                return None
            told[kind] = len(known)
    if not told:
        return None
    words = " and ".join(f"{count} {kind.replace('_', ' ')}s" for kind, count in told.items())
    return Sign("everywhere", "genuine_shift", 0.3, f"all {words} moved the same way", told)
