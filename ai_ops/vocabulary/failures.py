"""What a failed run says of itself, and the likely cause that is read from it."""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

CauseKind = Literal[
    "schema_change",
    "configuration",
    "data_volume",
    "data_quality",
    "resource",
    "code",
    "evidence_missing",
    "refused",
    "unknown",
]
"""Why a run failed, as far as its own words tell; ``refused`` is a person's or the gate's no."""

Part = Literal["data pull", "training", "evaluation", "promotion", "no step"]
"""The steps of a retraining as people name them; ``no step`` had not begun any."""

SAID_AT_MOST: Final = 500

_SECRETS: Final = (
    (re.compile(r"://[^\s'\"]*@"), "://…@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 …"),
    (
        re.compile(
            r"(?i)((?:password|passwd|secret|token|signature|(?:api|access|account)[_-]?key)"
            r"[\w-]*['\"]?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&})]+)"
        ),
        r"\1…",
    ),
)


@dataclass(frozen=True, slots=True)
class ErrorSaid:
    """One error of a chain: its class, its words, and where it was raised (``file:line`` last)."""

    kind: str
    words: str
    stack: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedRun:
    """What the log of a run tells of its end.

    ``step`` is the op that failed, or that ran when the run ended; ``errors`` are from the
    outermost to the one that began it; ``lines`` are the last that were written of warnings,
    errors and on stderr. ``config`` is that of its ops, by their names.
    """

    run_id: str
    job: str
    step: str
    errors: tuple[ErrorSaid, ...] = ()
    lines: tuple[str, ...] = ()
    config: tuple[tuple[str, dict[str, Any]], ...] = ()

    @property
    def error(self) -> str:
        """The first error's class and words, or else the last line."""
        if self.errors:
            root = self.errors[-1]
            return f"{root.kind}: {root.words}"
        return self.lines[-1] if self.lines else "the run ended without a word"


@dataclass(frozen=True, slots=True)
class LikelyCause:
    """Why a run failed, in words; ``read_from`` are those of the log that it was read from."""

    kind: CauseKind
    words: str
    mend: str
    read_from: str

    @property
    def told(self) -> str:
        """The cause and its mend as one sentence.

        >>> LikelyCause("resource", "no space left", "free the disk", "Errno 28").told
        'resource: no space left; mend: free the disk'
        """
        mend = f"; mend: {self.mend}" if self.mend else ""
        return f"{self.kind.replace('_', ' ')}: {self.words}{mend}"


def without_secrets(text: str) -> str:
    """A text of a log without the passwords of its addresses and what is named a secret.

    >>> without_secrets("postgresql://me:abc@db/x refused, token=abc")
    'postgresql://…@db/x refused, token=…'
    >>> without_secrets("AWS_SECRET_ACCESS_KEY=abc {'password': 'a b'} Auth: Bearer abcdef")
    "AWS_SECRET_ACCESS_KEY=… {'password': …} Auth: Bearer …"
    """
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text
