"""The random numbers of a training: fixed by what it learns from, and given back after it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python's, NumPy's and torch's own generators begin at ``seed``, and go on after as before.

    A trainer that makes generators of its own seeds them itself, and says with what.

    >>> with seeded(1):
    ...     first = random.random()
    >>> with seeded(1):
    ...     random.random() == first
    True
    """
    import torch

    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
