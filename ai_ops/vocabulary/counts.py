"""Counts in words."""


def plural(count: int, thing: str) -> str:
    """A count of things.

    >>> plural(1, "day"), plural(2, "day")
    ('1 day', '2 days')
    >>> plural(1_234, "row")
    '1,234 rows'
    """
    return f"{count:,} {thing}" + ("s" if count != 1 else "")


def told_of(count: int, thing: str, one: str, many: str) -> str:
    """A count of things and what it says of them, in the singular or the plural.

    >>> told_of(1, "row", "lies", "lie"), told_of(2, "row", "lies", "lie")
    ('1 row lies', '2 rows lie')
    """
    return f"{plural(count, thing)} {one if count == 1 else many}"
