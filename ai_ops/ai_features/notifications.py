"""The part of an AI feature's YAML that says how often its people are written to."""

from typing import Annotated

from pydantic import Field

from ai_ops.ai_features.parts import Part


class Notifications(Part):
    """How often people are written to about a feature; where to stands in the environment.

    At most ``per_hour`` messages an hour: what waits besides goes together in the last of them.
    What is not urgent waits for the day's digest, at ``digest_hour`` (UTC). An incident that is
    critical is told to more people when nobody concluded it within ``escalate_after_hours``.
    """

    per_hour: Annotated[int, Field(ge=1, le=60)] = 6
    digest_hour: Annotated[int, Field(ge=0, le=23)] = 7
    escalate_after_hours: Annotated[int, Field(ge=1)] = 24
