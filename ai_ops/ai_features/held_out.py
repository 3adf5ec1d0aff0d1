"""Which predictions are kept for evaluation, and never trained on."""

from collections.abc import Iterable
from hashlib import sha256
from math import ceil


def is_held_out(id: str, share: float) -> bool:
    """Whether the prediction of this id belongs to the labelled evaluation set.

    The id alone decides, by its sha256: whoever trains leaves out the same rows, in every process
    and every year, without a list to keep.

    >>> kept = [n for n in range(10_000) if is_held_out(f"order-{n}", 0.05)]
    >>> 400 < len(kept) < 600
    True
    """
    return are_held_out([id], share)[0]


def are_held_out(ids: Iterable[str], share: float) -> list[bool]:
    """The same of many predictions.

    >>> are_held_out(["order-7", "order-8"], 0.0), are_held_out(["order-7", "order-8"], 1.0)
    ([False, False], [True, True])
    """
    bound = ceil(share * 2**64)
    if bound >= 2**64:
        return [True for _ in ids]
    first = bound.to_bytes(8, "big")  # bytes are in the order of the numbers that they are
    return [sha256(id.encode()).digest()[:8] < first for id in ids]


def drawing_order(ids: Iterable[str]) -> list[int]:
    """The number of each id by which the held-out ones are the first: a permanent random number
    (Ohlsson 1995), so that a sample drawn later begins with the rows of one drawn before.

    >>> ids = [f"order-{n}" for n in range(99)]
    >>> first = sorted(zip(drawing_order(ids), ids))[:9]
    >>> {id for id in ids if is_held_out(id, 0.05)} <= {id for _, id in first}
    True
    """
    return [int.from_bytes(sha256(id.encode()).digest()[:8], "big") for id in ids]
