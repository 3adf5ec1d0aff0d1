"""Where it moved: in one call site or tenant alone, or everywhere alike."""

from collections.abc import Mapping
from typing import Final

from ai_ops.drift_monitoring.causes.signs import Sign

ROWS_AT_LEAST: Final = 30
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


def everywhere(shifts: Mapping[str, tuple[float, int]], whole: float, kind: str) -> Sign | None:
    """That every call site (or tenant) moved the same way: of each how far, and its rows.

    >>> everywhere({"a": (0.5, 100), "b": (0.7, 200)}, 0.6, "tenant").words
    'all 2 tenants moved the same way'
    >>> everywhere({"a": (0.0, 100), "b": (0.9, 200)}, 0.6, "tenant") is None
    True
    """
    told = {name: shift for name, (shift, rows) in shifts.items() if rows >= ROWS_AT_LEAST}
    if len(told) < 2 or whole <= 0:
        return None
    along = sum(shift >= MOVED * whole for shift in told.values())
    if along < 0.9 * len(told):
        return None
    every = "all" if along == len(told) else f"{along} of"
    words = f"{every} {len(told)} {kind}s moved the same way"
    return Sign("everywhere", "genuine_shift", 0.3, words, {"kind": kind, "values": len(told)})
