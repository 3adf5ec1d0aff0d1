"""The names of segments: ``<feature>/<writer>/<incarnation>.<part>.jsonl``."""

import re
from typing import Final

ENDING: Final = ".jsonl"
EMERGENCY: Final = ".emergency"
"""Ending of the space that an incarnation reserved; it becomes a part when the disk is full."""

_PART: Final = re.compile(r"^(?P<incarnation>.+)\.(?P<part>\d{6})$")


def segment_name(incarnation: str, part: int) -> str:
    """The file name of an incarnation's segment.

    >>> segment_name("20210304T050607-12-ab", 3)
    '20210304T050607-12-ab.000003.jsonl'
    """
    return f"{incarnation}.{part:06d}{ENDING}"


def incarnation_of(name: str) -> tuple[str, int]:
    """The incarnation and the part that a segment's file name (or its stem) tells.

    A name without a part is a whole incarnation in one file, as it was written once.

    >>> incarnation_of("20210304T050607-12-ab.000003.jsonl")
    ('20210304T050607-12-ab', 3)
    >>> incarnation_of("20210304T050607-12-ab")
    ('20210304T050607-12-ab', 1)
    """
    stem = name.removesuffix(ENDING)
    if (found := _PART.match(stem)) is None:
        return stem, 1
    return found["incarnation"], int(found["part"])
