"""The likely cause of a failed retraining, read from the words that its run left.

Nothing is guessed: where no rule knows the words, the cause is ``unknown`` and the words stand.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ai_ops.retraining_pipeline.missing_columns import changed_column
from ai_ops.vocabulary.failures import CauseKind, ErrorSaid, FailedRun, LikelyCause, Part
from ai_ops.vocabulary.verdicts import Verdict

PARTS: Final[tuple[tuple[str, Part], ...]] = (
    ("__training_set", "data pull"),
    ("__candidate_model", "training"),
    ("__candidate_evaluation", "evaluation"),
    ("__promote", "promotion"),
)
"""What an op's name holds, and the step of a retraining that it is."""

_OF_FINDING: Final[dict[str, CauseKind]] = {
    "volume": "data_volume",
    "labels": "data_volume",
    "completeness": "evidence_missing",
    "data_quality": "data_quality",
}
_REFUSING: Final = ("RetrainingRefused", "PromotionRefused", "DecisionRefused", "Failure")
_CHECK_FAILED: Final = "DagsterAssetCheckFailedError"
_FRAME: Final = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


@dataclass(frozen=True, slots=True)
class _Rule:
    """What words of which errors tell of; ``kinds`` is a pattern of the error's class."""

    cause: CauseKind
    words: str
    says: str
    mend: str
    kinds: str = ""

    def found_in(self, kind: str, text: str) -> "re.Match[str] | None":
        if self.kinds and not re.search(self.kinds, kind):
            return None
        return re.search(self.words, text, re.IGNORECASE)


_RULES: Final = (
    _Rule(
        "resource",
        r"no space left on device|errno 28\b|disk quota exceeded|errno 122\b|disk is full",
        "the disk or its quota is full",
        "free space where the root and the temporary files lie, then run it from the failure",
    ),
    _Rule(
        "resource",
        r"memoryerror|out ?of ?memory|oom-?killed|cannot allocate memory|can't allocate memory"
        r"|unable to allocate|signal 9\b|sigkill|exit(?:ed)?(?: with)? code:? (?:-9|137)\b",
        "it ran out of memory or was killed (signal 9 is what the system sends for lack of memory)",
        "give it more memory or fewer training_days; the system's log tells who was killed",
    ),
    _Rule(
        "resource",
        r"signal 15\b|sigterm|exit(?:ed)?(?: with)? code:? (?:-15|143)\b|process in which it ran "
        r"is gone|exceeded maximum runtime|was interrupted",
        "its process was stopped from outside before it ended",
        "see who ended it: a deployment, a limit of time, a shutdown; then run it from the failure",
    ),
    _Rule(
        "resource",
        r"connection refused|errno 111\b|timed out|timeout|connection reset|could not connect"
        r"|name or service not known|max retries exceeded|does not answer|temporary failure",
        "something that it needs did not answer",
        "bring back what the words name, then run it from the failure",
    ),
    _Rule(
        "configuration",
        r"no credentials|access ?denied|permission denied|\b403\b|unauthorized|errno 13\b"
        r"|unable to locate credentials|authentication failed|invalid api key",
        "it may not read or write what it needs: a secret or a right is missing",
        "set the secret, or grant the right, in the environment in which retrainings run",
    ),
    _Rule(
        "configuration",
        r"\b(?:retraining|ground_truth|inputs|outputs|gate|judged|monitoring|logging|owners)\."
        r"[a-z_.]+: ",
        "a field of the feature's file is wrong",
        "correct the field that the words name (ai-ops features check)",
        kinds=r"BadInput|BadFeatureFile|ValidationError",
    ),
    _Rule(
        "configuration",
        r".+",
        "a module or an optional part of a package is not there",
        "install it in the environment in which retrainings run, or correct its name",
        kinds=r"ModuleNotFoundError|ImportError|MissingExtra",
    ),
    _Rule(
        "configuration",
        r".+",
        "the run's config or the feature's file cannot be read",
        "correct what the words name",
        kinds=r"DagsterInvalidConfigError|BadFeatureFile|ParserError|YAMLError",
    ),
    _Rule(
        "configuration",
        r"environment variable|os\.environ|is not set\b",
        "an environment variable is not set",
        "set it in the environment in which retrainings run",
    ),
    _Rule(
        "data_volume",
        r"at least \d+ (?:are|rows|labels)|too few|only one class|0 sample|n_splits|empty (?:slice"
        r"|sequence|dataframe|range)|no labelled row|number of (?:classes|folds)|least populated",
        "there are too few rows or labels to learn from",
        "see how many the training set holds and from when; wait for labels, or take more days",
    ),
    _Rule(
        "data_quality",
        r".+",
        "what lies there is not what was written",
        "materialise it again",
        kinds=r"ArtifactChanged|LedgerBroken",
    ),
    _Rule(
        "evidence_missing",
        r".+",
        "what it reads is not there",
        "materialise what the words name, then run it from the failure",
        kinds=r"MissingEvidence|FileNotFoundError",
    ),
)


def part_of(step: str) -> Part:
    """The step of a retraining that an op is: its checks are part of it.

    >>> part_of("flight_delay__training_set__latest_checks"), part_of("flight_delay__promote")
    ('data pull', 'promotion')
    """
    return next((part for name, part in PARTS if name in step), "no step")


def likely_cause(
    failed: FailedRun,
    *,
    trainer: str | None = None,
    judged: Verdict | None = None,
    changed: Sequence[str] = (),
) -> LikelyCause:
    """Why a run failed, as far as its own words tell.

    ``trainer`` is the module that trains, ``judged`` the verdict on the training set that stopped
    the run, ``changed`` what is not as it was at the last retraining that came to its evaluation.

    >>> killed = FailedRun("r", "j", "x__candidate_model", lines=("exited with code 137",))
    >>> likely_cause(killed).kind
    'resource'
    """
    cause = next(_causes(failed, trainer, judged), None) or LikelyCause(
        "unknown", "nothing that it left tells why", "read the log of the run", failed.error
    )
    if not changed:
        return cause
    since = f"since the last good retraining changed: {', '.join(changed)}"
    return LikelyCause(cause.kind, f"{cause.words}; {since}", cause.mend, cause.read_from)


def _causes(
    failed: FailedRun, trainer: str | None, judged: Verdict | None
) -> Iterator[LikelyCause]:
    inward = list(reversed(failed.errors))
    for error in inward:
        if error.kind == _CHECK_FAILED and judged is not None:
            yield _of_verdict(judged)
        if error.kind == _CHECK_FAILED and part_of(failed.step) == "evaluation":
            said = "the gate did not pass the candidate; its checks say why"
            yield LikelyCause("refused", said, "", error.words)
        if error.kind in _REFUSING:
            yield LikelyCause("refused", error.words, "", error.words)
    readings: tuple[Callable[[ErrorSaid], LikelyCause | None], ...] = (
        _variable,
        changed_column,
        _by_rule,
        lambda error: _in_trainer(error, trainer),
    )
    for error in inward:
        yield from (found for read in readings if (found := read(error)))
    for line in reversed(failed.lines):
        if found := _by_rule(ErrorSaid("", line)):
            yield found


def _by_rule(error: ErrorSaid) -> LikelyCause | None:
    text = f"{error.kind}: {error.words}"
    for rule in _RULES:
        if rule.found_in(error.kind, text):
            return LikelyCause(rule.cause, f"{rule.says} ({error.words})", rule.mend, text)
    return None


def _variable(error: ErrorSaid) -> LikelyCause | None:
    """A KeyError of the environment says no more than the name of the variable."""
    if error.kind != "KeyError" or not any("os.py" in f or "environ" in f for f in error.stack):
        return None
    name = error.words.strip("'\"")
    return LikelyCause(
        "configuration",
        f"the environment variable {name} is not set",
        f"set {name} in the environment in which retrainings run",
        f"KeyError: {error.words}",
    )


def _in_trainer(error: ErrorSaid, trainer: str | None) -> LikelyCause | None:
    """An exception that passed through the module that trains, and that no other rule knows."""
    if trainer is None:
        return None
    file = trainer.replace(".", "/") + ".py"
    for frame in reversed(error.stack):
        found = _FRAME.search(frame)
        if found and found["file"].replace("\\", "/").endswith(file):
            where = f"{file}:{found['line']}"
            words = f"{error.kind} in the trainer, at {where} ({error.words})"
            return LikelyCause("code", words, f"mend {where}, then run it from the failure", words)
    return None


def _of_verdict(judged: Verdict) -> LikelyCause:
    """What stopped the run before training: the check on its training set."""
    kinds = [_OF_FINDING.get(one.kind, "unknown") for one in judged.findings]
    # Rows that are missing are few rows too: what is not there comes first.
    order: tuple[CauseKind, ...] = ("data_quality", "evidence_missing", "data_volume")
    kind: CauseKind = next((one for one in order if one in kinds), "unknown")
    mends = {
        "data_quality": "make the training set again; its rows may not be learnt from",
        "evidence_missing": "materialise the days that are missing, then run it again",
        "data_volume": "wait for labels, or take more training_days",
    }
    reason = judged.reason
    return LikelyCause(kind, reason, mends.get(kind, ""), f"training_set_sound: {reason}")
