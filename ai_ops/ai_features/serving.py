"""How a feature is served, and what serving promises: the part ``serving`` of a feature's YAML."""

from typing import Annotated

from pydantic import Field

from ai_ops.ai_features.parts import Part, Share


class ExpectedPeak(Part):
    """The declared peak that serving must hold."""

    requests_per_second: Annotated[float, Field(gt=0)]


class Slo(Part):
    """What serving promises."""

    p99_ms: Annotated[float, Field(gt=0)] = 250
    failed_share: Share = 0.01


class Serving(Part):
    """How the feature is served; without an expected peak no load test can say that it holds.

    With ``shadow`` the server asks the challenger, if there is one, what the champion was asked.
    It answers by ``workers`` processes, each of which lets ``max_waiting`` requests wait at once
    (429 beyond) and gives one up after ``deadline_ms`` (504). With ``gpu`` the model is served on
    one: its figures belong to a load test then.
    """

    expected_peak: ExpectedPeak | None = None
    shadow: bool = False
    slo: Slo = Slo()
    poll_seconds: Annotated[float, Field(gt=0)] = 2.0
    workers: Annotated[int, Field(ge=1)] = 1
    max_waiting: Annotated[int, Field(ge=1)] = 256
    deadline_ms: Annotated[float, Field(gt=0)] = 10_000
    gpu: bool = False
