"""The errors of ai_ops.

AiOpsError
├── BadInput               something a person wrote or sent is wrong (CLI exit code 2)
│   ├── BadFeatureFile     an AI feature's YAML: file, line, field, mend
│   └── UnknownVersion     a model version that the registry does not hold
├── MissingEvidence        what a judgement needs is not there (CLI exit code 3)
├── MissingExtra           an optional part of the package is not installed (CLI exit code 2)
├── ArtifactChanged        a file of a registered version is not what was registered
├── RegistryUnavailable    the model registry does not answer
├── LakeUnreachable        the lake (or its landing place) does not answer: nothing is known of it
├── LedgerBroken           the hash chain does not hold
├── LedgerMoved            something was appended between reading and acting
├── DecisionRefused        a person's decision that is not signed by somebody who may decide it
├── Refused                something that was asked for and is not allowed, with every reason
│   ├── PromotionRefused   a move of the production version that the books do not allow
│   └── RetrainingRefused  a retraining while a hold is open
├── RunNotSubmitted        a run that Dagster did not take into its queue
├── ClockRefused           a clock that this root does not allow
└── LogWriteFailed         a prediction could not be logged
"""

from collections.abc import Sequence


class AiOpsError(Exception):
    """The root of every error that ai_ops raises on purpose."""


class BadInput(AiOpsError):
    """Something a person wrote or sent is wrong; the message names where and how to mend it."""


class BadFeatureFile(BadInput):
    """An AI feature's YAML does not say what it must; the message has one line a mistake."""


class UnknownVersion(BadInput):
    """The registry holds no such version of the model."""


class MissingEvidence(AiOpsError):
    """What a judgement needs is not there: never to be read as health."""


class MissingExtra(AiOpsError):
    """An optional part of the package is not installed; the message has the command that does."""


class ArtifactChanged(AiOpsError):
    """A file of a registered version is not the one that was registered: it is not used."""


class RegistryUnavailable(AiOpsError):
    """The model registry does not answer."""


class LakeUnreachable(AiOpsError):
    """The place of the lake does not answer: what lies there is unknown, which is not nothing."""


class LedgerBroken(AiOpsError):
    """The hash chain of the ledger does not hold; the message names the first broken link."""


class LedgerMoved(AiOpsError):
    """Something was appended since the ledger was read: read again, decide again."""


class DecisionRefused(AiOpsError):
    """A decision without the signature of a person who may decide it."""


class Refused(AiOpsError):
    """What was asked for is not allowed now; ``reasons`` names everything in the way."""

    def __init__(self, what: str, reasons: Sequence[str]) -> None:
        self.what = what
        self.reasons = tuple(reasons)
        super().__init__(f"{what} is refused: " + "; ".join(self.reasons))

    def __reduce__(self) -> tuple[type["Refused"], tuple[str, tuple[str, ...]]]:
        """What a process needs that the error is handed to."""
        return type(self), (self.what, self.reasons)


class PromotionRefused(Refused):
    """The production version may not be moved."""


class RetrainingRefused(Refused):
    """No retraining may begin now, or go on."""


class RunNotSubmitted(AiOpsError):
    """Dagster did not take a run into its queue; the message has its own words."""


class ClockRefused(AiOpsError):
    """This clock may not be used here: a live root knows the wall clock only."""


class LogWriteFailed(AiOpsError):
    """A prediction could not be written to its log."""
