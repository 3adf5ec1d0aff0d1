"""Many findings as somebody reads them: the first ones, and those of one sort as one."""

from collections.abc import Sequence
from dataclasses import replace

from ai_ops.prediction_logging.times import at
from ai_ops.vocabulary.verdicts import Finding

TOLD_EACH = 5
"""So many findings of one sort and writer are told one by one, more of them as one."""


def first_of(findings: Sequence[Finding], shown: int = 3) -> str:
    """The reasons of the first findings, and how many more there are.

    >>> found = [Finding("completeness", "fail", f"gap {number}") for number in range(5)]
    >>> first_of(found[:1]), first_of(found)
    ('gap 0', 'gap 0; gap 1; gap 2; and 2 more findings')
    """
    more = len(findings) - shown
    words = [f"and {more} more finding{'s' * (more > 1)}"] if more > 0 else []
    return "; ".join([*(finding.reason for finding in findings[:shown]), *words])


def gathered(found: Sequence[Finding], what: str) -> list[Finding]:
    """Findings of one sort in order; more of them than anybody reads as one, with the last.

    >>> found = [Finding("completeness", "fail", f"web crashed in {n}") for n in range(9)]
    >>> [one.reason for one in gathered(found, "web crashed")]
    ['web crashed 9 times; the last time: web crashed in 8']
    """
    ordered = sorted(found, key=lambda one: (one.begin is not None, one.begin))
    if len(ordered) <= TOLD_EACH:
        return ordered
    first, last = ordered[0], ordered[-1]
    since = f" since {at(first.begin)}" if first.begin else ""
    reason = f"{what} {len(ordered)} times{since}; the last time: {last.reason}"
    return [replace(last, reason=reason, begin=first.begin, size=len(ordered))]
