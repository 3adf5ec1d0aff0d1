"""The part of an AI feature's YAML that says when drift is an alert."""

from typing import Annotated

from pydantic import Field, model_validator

from ai_ops.ai_features.parts import FROM_LIST, FieldsDisagree, Part
from ai_ops.vocabulary.words import DriftSlice


class Drift(Part):
    """When drift is an alert: over a trailing window, ``k`` of the last ``n`` days and the last.

    Of each of the ``slices`` every value is judged by itself as well: what drifts in one tenant of
    many is not seen in the whole. An alert without a person's conclusion escalates after
    ``review_within_days``, and counts as a model that has under-performed after
    ``neglected_after_days``.
    """

    window_days: Annotated[int, Field(ge=1)] = 7
    k: Annotated[int, Field(ge=1)] = 3
    n: Annotated[int, Field(ge=1)] = 4
    minimum_rows: Annotated[int, Field(ge=1)] = 500
    bins: Annotated[int, Field(ge=4, le=100)] = 10
    slices: Annotated[tuple[DriftSlice, ...], FROM_LIST] = ()
    review_within_days: Annotated[int, Field(ge=1)] = 7
    neglected_after_days: Annotated[int, Field(ge=1)] = 14

    @model_validator(mode="after")
    def _agrees(self) -> "Drift":
        if self.k > self.n:
            raise FieldsDisagree([(("k",), f"k of n: k is at most n (found {self.k} of {self.n})")])
        if self.neglected_after_days < self.review_within_days:
            said = f"at least review_within_days, {self.review_within_days}"
            found = f"{said} (found {self.neglected_after_days})"
            raise FieldsDisagree([(("neglected_after_days",), f"what is neglected is {found}")])
        return self
