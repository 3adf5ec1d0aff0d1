"""What a trainer hands over: a version that is not registered yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from ai_ops.inference_management.encoding import Matrix, TabularEncoder

if TYPE_CHECKING:
    from torch.nn import Module


@dataclass(frozen=True)
class Trained:
    """A module with all that the registry keeps of a version.

    ``example`` is two encoded rows or more. ``reference`` is what the module's kind answers to its
    own training rows without having seen them: ``id``, ``time`` (UTC), ``tenant``, ``input_*``,
    ``output_*`` and ``label`` (null where it was not known); ``metrics`` are measured on it.
    """

    title: str
    module: "Module"
    encoder: TabularEncoder
    example: Matrix
    reference: pa.Table
    metrics: Mapping[str, float]
    params: Mapping[str, str]
