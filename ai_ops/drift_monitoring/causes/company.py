"""In company: columns that move at one time, and answers that go with what they are made from."""

from collections.abc import Mapping, Sequence
from typing import Final

from ai_ops.drift_monitoring.causes.onset import Onset
from ai_ops.drift_monitoring.causes.signs import Sign
from ai_ops.vocabulary.words import DriftCause

STEADY: Final = (0.6, 1.67)
"""Volume is unchanged while it stays between these, now over before."""


def together(onset: Onset, gradual: Sequence[str], volume: float | None) -> Sign | None:
    """Whether other columns came gradually at the same time, with as many rows as before.

    A season moves many columns at once and breaks none.

    >>> slow = Onset("gradual", "2021-03-01", 30, 0.5, 0.1)
    >>> together(slow, ["b"], 1.05).words
    'b moved gradually too, with as many rows as before'
    >>> together(slow, ["b"], 0.4) is None
    True
    """
    low, high = STEADY
    if onset.kind == "sudden" or not gradual or volume is None or not low <= volume <= high:
        return None
    words = f"{', '.join(gradual[:5])} moved gradually too, with as many rows as before"
    numbers = {"columns": len(gradual), "volume": volume}
    return Sign("together", "genuine_shift", 0.4, words, numbers)


def follows(inputs: Mapping[str, DriftCause], moving: Sequence[str]) -> Sign | None:
    """What the inputs say of an answer that moved: it is made from them.

    ``inputs`` are those that drifted, ``moving`` those that are far from the reference without
    having reached their threshold.

    >>> follows({"temp": "bad_data"}, []).words
    'it is made from what broke: temp'
    >>> follows({}, ["temp", "visib"]).direction, follows({}, []) is None
    ('genuine_shift', True)
    """
    broken = sorted(name for name, cause in inputs.items() if cause == "bad_data")
    if broken:
        words = f"it is made from what broke: {', '.join(broken)}"
        return Sign("follows", "bad_data", 0.8, words, {"inputs": len(broken)})
    sound = sorted(name for name, cause in inputs.items() if cause == "genuine_shift")
    if sound:
        words = f"it goes with what shifted: {', '.join(sound)}"
        return Sign("follows", "genuine_shift", 0.5, words, {"inputs": len(sound)})
    if len(moving) >= 2:
        words = f"several inputs lie near the edge of what was normal: {', '.join(moving[:5])}"
        return Sign("follows", "genuine_shift", 0.3, words, {"inputs": len(moving)})
    return None
