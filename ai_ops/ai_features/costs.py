"""What serving costs: the part ``costs`` of a feature's YAML."""

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from ai_ops.ai_features.parts import FROM_LIST, FieldsDisagree, Part, Share

Price = Annotated[float, Field(ge=0)]


class Compute(Part):
    """A kind of machine that serves the feature, and what an hour of one costs.

    A price that changed is two entries: one that ends, ``until`` (exclusive), and one ``since``.
    """

    name: str
    hourly_price: Price
    count: Annotated[int, Field(ge=1)] = 1
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> "Compute":
        _ends_after(self.since, self.until)
        return self

    def holds(self, day: str) -> bool:
        """Whether the price is paid on a day (ISO date).

        >>> Compute(name="vm", hourly_price=0.1, until=date(2021, 3, 4)).holds("2021-03-04")
        False
        """
        return _holds(self.since, self.until, day)


class TokenPrice(Part):
    """What a provider's model costs by contract, per million tokens: it goes before the list price.

    ``cache_read`` and ``cache_write`` are those of ``input`` where they are left out; ``batch`` is
    the share of the price that is paid for what is asked in batches.
    """

    model: Annotated[str, Field(min_length=1)]
    since: date
    until: date | None = None
    input: Price
    output: Price
    cache_read: Price | None = None
    cache_write: Price | None = None
    batch: Share = 1.0

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> "TokenPrice":
        _ends_after(self.since, self.until)
        return self

    def holds(self, day: str) -> bool:
        """Whether the price is paid on a day (ISO date)."""
        return _holds(self.since, self.until, day)


class Invoice(Part):
    """What the bill says, to hold the rollup against: a table with a row for each span of days.

    ``table`` is a glob of CSV or Parquet files (below the root, absolute, or ``s3://…``) with the
    columns ``first_day``, ``last_day`` (both included), ``amount`` and ``currency``. A difference
    of more than ``tolerance`` of the amount is a finding.
    """

    table: str
    tolerance: Share = 0.05


class Costs(Part):
    """What serving costs. A price that is not declared makes the cost unknown, never zero.

    Tokens are priced by the list price of the model that answered on that day, at ``provider``
    where the log does not say whose it is; ``tokens`` overrides it. ``cached`` answers that cost
    no tokens say so in the log.
    """

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    compute: Annotated[tuple[Compute, ...], FROM_LIST] = ()
    storage_price_per_gb_month: Price | None = None
    provider: str | None = None
    tokens: Annotated[tuple[TokenPrice, ...], FROM_LIST] = ()
    invoice: Invoice | None = None
    weekly_rise: Share = 0.10
    compounding_weeks: Annotated[int, Field(ge=2)] = 4


def _ends_after(since: date | None, until: date | None) -> None:
    if since is not None and until is not None and until <= since:
        words = f"a price ends after it begins: mend `until` (found {until})"
        raise FieldsDisagree([(("until",), words)])


def _holds(since: date | None, until: date | None, day: str) -> bool:
    began = since is None or since.isoformat() <= day
    return began and (until is None or day < until.isoformat())
