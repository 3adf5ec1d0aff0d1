"""What a computation is asked for, and what it tells besides the files that it writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ai_ops.vocabulary.verdicts import Observed
from ai_ops.vocabulary.windows import Window


@dataclass(frozen=True, slots=True)
class Moment:
    """One partition to compute or judge: its key, its window, and the clock's time of judging.

    Nothing that became known after ``as_of`` may be read: a replay then judges as production did.
    """

    partition: str
    window: Window
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """What an asset shows about one partition: counts, a picture (PNG), a table, links to files.

    ``pictures`` are further ones by name. Never a row's values: rows may hold personal data.
    """

    numbers: Mapping[str, Observed] = field(default_factory=dict)
    picture: bytes | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    table: tuple[Mapping[str, Observed], ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)
