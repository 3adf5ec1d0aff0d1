"""One registered version of a model, as the registry tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlparse


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version: what it scored at launch, what it was trained on, who points at it.

    ``metrics`` are those logged with the model; ``size_bytes`` is the size of its ``pt2``, and
    ``location`` is where its files lie.
    """

    name: str
    version: str
    created_at: datetime
    metrics: Mapping[str, float]
    dataset_digest: str
    aliases: tuple[str, ...]
    model_id: str
    run_id: str
    size_bytes: int
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    location: str = ""

    @property
    def folder(self) -> Path | None:
        """The folder of its files, where that is on this machine."""
        place = urlparse(self.location)
        return Path(unquote(place.path)) if place.scheme in ("", "file") else None
