"""Names and texts as SQL takes them where no parameter may stand."""


def quoted(name: str) -> str:
    """A column's name as SQL takes it, whatever it holds.

    >>> quoted("it is")
    '"it is"'
    """
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL takes it.

    >>> text("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"
