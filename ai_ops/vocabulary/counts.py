"""Counts in words."""


def plural(count: int, thing: str) -> str:
    """A count of things.

    >>> plural(1, "day"), plural(2, "day")
    ('1 day', '2 days')
    """
    return f"{count} {thing}" + ("s" if count != 1 else "")
