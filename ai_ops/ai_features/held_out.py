"""Which predictions are kept for evaluation, and never trained on."""

from hashlib import sha256


def is_held_out(id: str, share: float) -> bool:
    """Whether the prediction of this id belongs to the labelled evaluation set.

    The id alone decides, by its sha256: whoever trains leaves out the same rows, in every process
    and every year, without a list to keep.

    >>> kept = [n for n in range(10_000) if is_held_out(f"order-{n}", 0.05)]
    >>> 400 < len(kept) < 600
    True
    """
    return int.from_bytes(sha256(id.encode()).digest()[:8], "big") < share * 2**64
