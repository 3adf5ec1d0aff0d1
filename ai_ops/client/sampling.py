"""Which predictions are logged when the policy asks for a share of them only."""

from hashlib import blake2b


def kept(id: str, share: float) -> bool:
    """Whether a prediction is within the share: told by its id alone, so by every writer alike.

    >>> [kept("a", 1.0), kept("a", 0.0)]
    [True, False]
    >>> sum(kept(str(number), 0.25) for number in range(10_000))
    2457
    """
    drawn = blake2b(id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(drawn, "big") < share * 2**64
