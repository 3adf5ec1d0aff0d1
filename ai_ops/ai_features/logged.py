"""The parts of an AI feature's YAML that say how its predictions are logged."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from ai_ops.ai_features.parts import FROM_LIST, FieldsDisagree, Part, Share
from ai_ops.vocabulary.words import FieldRule, OnLogFailure


class Writer(Part):
    """A role that logs predictions, and how many of its processes run at a time.

    One that is not ``always`` there (a nightly batch) is expected once a day.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    processes: Annotated[int, Field(ge=1)] = 1
    always: bool = True


class Witness(Part):
    """How many requests were served, counted where the log had no part: a load balancer, a caller.

    ``table`` is a glob of Parquet or CSV files below the root (or an absolute one); each row counts
    what was served in the hour, or the shorter span, that begins at ``time_column`` (UTC when it
    tells no zone). A column ``writer`` is used where there is one.
    """

    table: str
    time_column: str = "time"
    count_column: str = "served"
    missing_share: Share = 0.0


class Logging(Part):
    """Who logs predictions, how, and who counts them besides."""

    writers: Annotated[tuple[Writer, ...], FROM_LIST] = ()
    witness: Witness | None = None
    on_log_failure: OnLogFailure = "refuse"
    sampling: Share = 1.0
    heartbeat_seconds: Annotated[float, Field(gt=0)] = 10.0
    segment_seconds: Annotated[float, Field(gt=0)] = 300.0
    segment_megabytes: Annotated[float, Field(gt=0)] = 64.0
    emergency_kilobytes: Annotated[int, Field(ge=0)] = 1024

    @model_validator(mode="after")
    def _each_once(self) -> "Logging":
        names = [writer.name for writer in self.writers]
        mistakes: list[tuple[tuple[str | int, ...], str]] = [
            (("writers", place, "name"), f"another writer has this name: {name}")
            for place, name in enumerate(names)
            if name in names[:place]
        ]
        if mistakes:
            raise FieldsDisagree(mistakes)
        return self


class Privacy(Part):
    """What is kept of a prediction, per field, and for how long.

    ``fields`` names inputs, outputs, ``subject`` and ``tenant``.
    """

    fields: dict[str, FieldRule] = Field(default_factory=dict)
    retention_days: Annotated[int, Field(ge=1)] = 400
