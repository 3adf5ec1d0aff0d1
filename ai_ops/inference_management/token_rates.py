"""A price of tokens, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

BATCH: Final = "batch"
"""The ``processing`` of what was asked in a provider's batches."""
DECLARE: Final = "declare it under costs.tokens"


@dataclass(frozen=True)
class Rates:
    """What a million tokens of each kind cost, and each ``call`` besides; None: it has no price.

    ``source`` says whose price it is, ``context`` what it hangs on besides the day.
    """

    model: str
    source: str
    input: Decimal
    output: Decimal | None
    cache_read: Decimal
    cache_write: Decimal
    call: Decimal = Decimal(0)
    context: tuple[tuple[str, str], ...] = ()

    def as_data(self) -> Mapping[str, object]:
        """As it is stored beside what was reckoned with it."""
        kinds = ("input", "output", "cache_read", "cache_write")
        per_million = {kind: _written(getattr(self, kind)) for kind in kinds}
        told: dict[str, object] = {"model": self.model, "source": self.source}
        told |= dict(self.context) | {"per_million": per_million}
        return told | ({"per_call": _written(self.call)} if self.call else {})


@dataclass(frozen=True)
class Unpriced:
    """Why there is no price."""

    reason: str


def _written(price: Decimal | None) -> str | None:
    """A price as a person writes it.

    >>> _written(Decimal("2.50")), _written(Decimal("100"))
    ('2.5', '100')
    """
    return None if price is None else format(price.normalize(), "f")
