"""The parts of an AI feature's YAML that say where an existing log comes from.

A feature with a ``source`` is not logged by ``ai_ops.client``: its predictions stand in tables or
events that something else wrote. They become the same records. Nobody counted them while they were
written, so that their completeness cannot be proven, and every list says so.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from ai_ops.ai_features.parts import FieldsDisagree, Name, Part
from ai_ops.vocabulary.words import SourceKind

Column = Annotated[str, StringConstraints(min_length=1)]


class RecordColumns(Part):
    """Which column of a table holds which member of a record; None where there is none.

    Without ``id`` one is made from what the row holds, the same at every reading. Without
    ``available_at`` a label counts ``ground_truth.mature_after_hours`` after its prediction.
    """

    id: Column | None = None
    time: Column | None = None
    model_version: Column | None = None
    status: Column | None = None
    error: Column | None = None
    latency_ms: Column | None = None
    call_site: Column | None = None
    mode: Column | None = None
    tenant: Column | None = None
    subject: Column | None = None
    request_id: Column | None = None
    cost: Column | None = None
    label: Column | None = None
    available_at: Column | None = None


class SyntheticCalendar(Part):
    """Days for a table that has an order and no times: so many rows a day from ``start`` on.

    The rows stand in the order of the files' names and their own, or by ``order_column``. Every
    verdict on them says that its calendar is synthetic.
    """

    start: date
    rows_a_day: Annotated[int, Field(ge=1)]
    order_column: Column | None = None


class Source(Part):
    """Where predictions stand that something else logged, and what their columns mean.

    ``files`` is a glob below the root, an absolute one, or ``s3://…``. ``inputs`` and ``outputs``
    map a declared name to its column; without an entry the column has the same name. Times without
    a zone are refused unless ``time_zone`` names it. ``version`` is the model's where no column
    tells it.
    """

    kind: SourceKind = "table"
    files: Annotated[str, StringConstraints(min_length=1)]
    columns: RecordColumns = RecordColumns()
    inputs: dict[Name, Column] = Field(default_factory=dict)
    outputs: dict[Name, Column] = Field(default_factory=dict)
    time_zone: str | None = None
    calendar: SyntheticCalendar | None = None
    version: Annotated[str, StringConstraints(min_length=1)] = "1"

    @model_validator(mode="after")
    def _tells_the_time(self) -> "Source":
        mistakes: list[tuple[tuple[str | int, ...], str]] = []
        if self.kind == "table" and self.columns.time is None and self.calendar is None:
            words = "name the column of the time, or declare a synthetic `calendar` for the order"
            mistakes.append((("columns",), words))
        if self.columns.time is not None and self.calendar is not None:
            words = "the rows have times: remove the calendar, or columns.time"
            mistakes.append((("calendar",), words))
        if self.kind != "table" and self.calendar is not None:
            mistakes.append((("calendar",), f"events of kind {self.kind} tell their own times"))
        if mistakes:
            raise FieldsDisagree(mistakes)
        return self


class ReferenceSource(Part):
    """What is normal where no version's own reference table stands in the registry.

    Either ``files`` with the columns of the source (a reference set, its labels included), or the
    days of the log from ``first_day`` to ``last_day``, both included.
    """

    files: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "ReferenceSource":
        days = (self.first_day, self.last_day)
        if (self.files is None) == (days == (None, None)):
            words = "name `files`, or `first_day` and `last_day`, one of both"
            raise FieldsDisagree([(("files",), words)])
        if self.files is None and (self.first_day is None or self.last_day is None):
            missing: Literal["first_day", "last_day"]
            missing = "first_day" if self.first_day is None else "last_day"
            raise FieldsDisagree([((missing,), "both ends are needed")])
        if self.first_day and self.last_day and self.last_day < self.first_day:
            words = f"the reference ends before it begins (found {self.last_day})"
            raise FieldsDisagree([(("last_day",), words)])
        return self
