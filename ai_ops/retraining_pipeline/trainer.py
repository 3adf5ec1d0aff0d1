"""The trainer of a feature: the module that its YAML names, which reads its past and trains."""

from datetime import date
from importlib import import_module
from typing import Protocol, cast

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.storage.trained import Trained
from ai_ops.vocabulary.errors import BadInput

__all__ = ["Trained", "Trainer", "trainer_of"]

FUNCTIONS = ("history", "train")


class Trainer(Protocol):
    """What a trainer module has: two functions."""

    def history(self, root: Root, feature: AiFeatureSpec, first: date, before: date) -> pa.Table:
        """The rows of the days [first, before) from before the log began.

        Columns: ``id``, ``time`` (UTC), ``tenant``, ``input_*``, ``label`` (null when unknown) and
        ``available_at`` (UTC, when the label became known).
        """
        ...

    def train(self, feature: AiFeatureSpec, rows: pa.Table) -> Trained:
        """A version, fitted to those rows of a training set that have a label.

        The same rows give the same version.
        """
        ...


def trainer_of(feature: AiFeatureSpec) -> Trainer:
    """The trainer that ``retraining.trainer`` names; ``BadInput`` when it is none."""
    name = feature.retraining.trainer
    if name is None:
        raise BadInput(
            f"{feature.name}: retraining.trainer: missing; name the module that trains, "
            f"with the functions {' and '.join(FUNCTIONS)}"
        )
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there, and something that it needs is not
        raise BadInput(
            f"{feature.name}: retraining.trainer: no module {name}; correct its name"
        ) from None
    absent = [function for function in FUNCTIONS if not callable(getattr(module, function, None))]
    if absent:
        raise BadInput(
            f"{feature.name}: retraining.trainer: {name} has no function {absent[0]}; "
            "write it there, or name another module"
        )
    return cast(Trainer, module)
