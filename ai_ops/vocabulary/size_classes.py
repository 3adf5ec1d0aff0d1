"""How large a model is, in classes: what was measured of one holds for another of its class."""

from typing import Final

STEP: Final = 4
"""How many times larger the largest model of a class is than that of the class below."""


def size_class(size_bytes: int) -> str | None:
    """The class of a model by the bytes of its file, as the most that a member has (powers of four
    of 10**6 bytes; what is smaller than one megabyte is mostly not weights). None without a size.

    >>> size_class(20_000), size_class(1_000_001), size_class(5_000_000), size_class(0)
    ('up to 1 MB', 'up to 4 MB', 'up to 16 MB', None)
    """
    if size_bytes <= 0:
        return None
    most = 1
    while size_bytes > most * 10**6:
        most *= STEP
    return f"up to {most} MB"
