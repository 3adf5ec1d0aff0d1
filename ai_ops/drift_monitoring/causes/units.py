"""Another unit: the numbers are what they were, times a factor that people know."""

from dataclasses import dataclass
from typing import Final

from ai_ops.drift_monitoring.causes.affine import Fit, fits
from ai_ops.drift_monitoring.causes.sides import Moved
from ai_ops.drift_monitoring.causes.signs import Sign


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a unit is in another one: ``now = factor * was + offset``."""

    words: str
    factor: float
    offset: float = 0.0

    @property
    def formula(self) -> str:
        """In words, with its numbers.

        >>> FAHRENHEIT.formula
        '°C to °F (x 1.8 + 32)'
        """
        offset = f" {'+' if self.offset > 0 else '-'} {abs(self.offset):.4g}" if self.offset else ""
        return f"{self.words} (x {self.factor:.4g}{offset})"

    @property
    def inverse(self) -> "Conversion":
        """The way back.

        >>> FAHRENHEIT.inverse.factor * 212 + FAHRENHEIT.inverse.offset
        100.0
        """
        there = self.words.split(" to ")
        words = " to ".join(reversed(there)) if len(there) == 2 else f"the inverse of {self.words}"
        return Conversion(words, 1 / self.factor, -self.offset / self.factor)


FAHRENHEIT: Final = Conversion("°C to °F", 1.8, 32.0)

ALIKE: Final = 0.6
"""Conversions whose misfits differ by less are told together: nobody can tell them apart."""

_KNOWN: Final = (
    *(Conversion(f"a factor of {10**k:,}", float(10**k)) for k in (1, 2, 3, 4, 6)),
    FAHRENHEIT,
    Conversion("°C to K", 1.0, 273.15),
    Conversion("minutes to seconds", 60.0),
    Conversion("hours to seconds", 3600.0),
    Conversion("days to hours", 24.0),
    Conversion("inches to centimetres", 2.54),
    Conversion("inches to millimetres", 25.4),
    Conversion("metres to feet", 3.28084),
    Conversion("miles to kilometres", 1.609344),
    Conversion("nautical miles to kilometres", 1.852),
    Conversion("kilograms to pounds", 2.20462),
    Conversion("ounces to grams", 28.3495),
    Conversion("gallons to litres", 3.78541),
    Conversion("m/s to km/h", 3.6),
    Conversion("m/s to miles per hour", 2.23694),
    Conversion("inches of mercury to hPa", 33.8639),
    Conversion("kilocalories to kilojoules", 4.184),
)
CONVERSIONS: Final = tuple(one for known in _KNOWN for one in (known, known.inverse))
"""Every conversion that is tried, there and back."""


def units(moved: Moved) -> Sign | None:
    """The conversion that brings the numbers back to what they were; None when none does.

    At the step, or else for the whole against the reference: the change is far beyond what a day
    (a week) of the reference does by itself, and brought back it is within that.
    """
    if moved.kind != "number" or moved.role != "input":
        return None
    held: list[tuple[Fit, Conversion]] = [
        (fit, one)
        for one in CONVERSIONS
        for fit in fits(moved, one.factor, one.offset)
        if fit.holds
    ]
    if not held:
        return None
    held.sort(key=lambda pair: pair[0].misfit)
    fit, one = held[0]
    named = dict.fromkeys(own.formula for best, own in held if best.misfit <= fit.misfit + ALIKE)
    words = f"its numbers are what they were in another unit: {' or '.join(list(named)[:3])}"
    numbers = {
        "factor": one.factor,
        "offset": one.offset,
        "off": round(fit.off, 3),
        "brought_back": round(fit.back, 3),
        "natural": round(fit.natural.distance, 3),
    }
    return Sign("units", "bad_data", 0.95, words, numbers)
