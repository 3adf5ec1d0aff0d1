"""Readiness as information: Rules of Machine Learning and the ML Test Score, from what is known.

Nothing is decided by it. What no verdict speaks for is no evidence, and scores nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import is_judged
from ai_ops.checklist.evidence import ChecklistEvidence, gather
from ai_ops.checklist.readiness_rules import RULES, TESTS, Rule, ScoreTest, Section, Signature
from ai_ops.checklist.reading import ITEMS
from ai_ops.storage.believed import believed
from ai_ops.storage.gate_verdicts import gate_verdicts
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS

Met = Literal["met", "not_met", "no_evidence", "waived"]

Said = Mapping[str, RecordedVerdict | None]
"""The verdict of each check that counts at the moment; None where there is none."""

BY_A_CHECK: Final = 1.0
BY_A_PERSON: Final = 0.5

OTHERWISE_DAYS: Final = 45
"""How old a verdict may be that no item reads: a month, and time to judge it."""


@dataclass(frozen=True, slots=True)
class RuleRead:
    """A rule, whether it is met, and why."""

    rule: Rule
    status: Met
    reason: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A test of the ML Test Score, its points, and why."""

    test: ScoreTest
    points: float
    status: Met
    reason: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Both scores of a feature as of a moment."""

    feature: str
    as_of: datetime
    rules: tuple[RuleRead, ...]
    tests: tuple[Scored, ...]

    @property
    def sections(self) -> dict[Section, float]:
        """The points of each section."""
        return {
            section: sum(one.points for one in self.tests if one.test.section == section)
            for section in get_args(Section)
        }

    @property
    def score(self) -> float:
        """The ML Test Score: the points of the weakest section."""
        return weakest(self.sections.values())


def weakest(sections: Iterable[float]) -> float:
    """The least of the sections' points: what is strong elsewhere makes up for nothing.

    >>> weakest([7.0, 3.5, 0.5, 6.0])
    0.5
    """
    return min(sections)


def readiness_of(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Readiness:
    """What the ledger's newest verdicts and what people signed say of every rule and test."""
    names = {name for one in (*RULES, *TESTS) for name in one.checks} - {*GATE_CHECKS}
    evidence = gather(root, feature, Window.of_day(as_of.date()), as_of, names)
    said = {name: _newest(evidence, name) for name in names if is_judged(name, feature)}
    said |= _gate_of_live(root, feature, evidence)
    signed = _signed(root, feature, evidence)
    return Readiness(
        feature.name,
        as_of,
        tuple(read_rule(rule, said) for rule in RULES),
        tuple(read_test(test, said, signed) for test in TESTS),
    )


def read_rule(rule: Rule, said: Said) -> RuleRead:
    """Whether a rule is met by what its checks said."""
    return RuleRead(rule, *judged(rule.checks, rule.unseen, said))


def read_test(test: ScoreTest, said: Said, signed: Mapping[Signature, str]) -> Scored:
    """The points of a test: whole by checks that pass, half by a person's signature."""
    if test.signed is not None:
        words = signed.get(test.signed)
        if words is None:
            return Scored(test, 0.0, "no_evidence", f"nobody signed: {_WANTED[test.signed]}")
        return Scored(test, BY_A_PERSON, "met", words)
    status, reason = judged(test.checks, test.unseen, said)
    return Scored(test, BY_A_CHECK if status == "met" else 0.0, status, reason)


def judged(checks: Sequence[str], unseen: str, said: Said) -> tuple[Met, str]:
    """What checks say together: one that fails outweighs all, one that is missing all but that.

    A check that ``said`` does not name is one that the feature cannot have.

    >>> judged(("accuracy",), "", {"accuracy": None})
    ('no_evidence', 'no verdict that is recent enough: accuracy')
    >>> judged((), "no check looks at it", {})
    ('no_evidence', 'not looked at here: no check looks at it')
    """
    if not checks:
        return "no_evidence", f"not looked at here: {unseen}"
    asked = {name: said[name] for name in checks if name in said}
    if not asked:
        return "no_evidence", f"this feature has none of {', '.join(checks)}"
    found = {name: one.verdict.status for name, one in asked.items() if one is not None}
    if failing := [name for name, status in found.items() if status == "fail"]:
        return "not_met", f"failing: {', '.join(failing)}"
    if missing := [name for name in asked if name not in found]:
        return "no_evidence", f"no verdict that is recent enough: {', '.join(missing)}"
    if lacking := [name for name, status in found.items() if status == "no_evidence"]:
        return "no_evidence", f"without evidence: {', '.join(lacking)}"
    if excused := [name for name, status in found.items() if status == "waived"]:
        return "waived", f"waived: {', '.join(excused)}"
    return "met", f"passing: {', '.join(found)}"


def as_data(one: Readiness) -> dict[str, Any]:
    """The scores as JSON-ready data: the shape of ``ai-ops readiness --json``."""
    return {
        "feature": one.feature,
        "as_of": one.as_of.isoformat(),
        "rules": [
            {
                "number": read.rule.number,
                "title": read.rule.title,
                "status": read.status,
                "checks": list(read.rule.checks),
                "reason": read.reason,
            }
            for read in one.rules
        ],
        "ml_test_score": {
            "score": one.score,
            "sections": one.sections,
            "tests": [
                {
                    "section": read.test.section,
                    "number": read.test.number,
                    "title": read.test.title,
                    "points": read.points,
                    "status": read.status,
                    "checks": list(read.test.checks),
                    "signed": read.test.signed,
                    "reason": read.reason,
                }
                for read in one.tests
            ],
        },
    }


def good_for_days(name: str) -> int:
    """How old the newest verdict of a check or an item may be: as old as the strictest item takes.

    >>> good_for_days("load_test"), good_for_days("drift_reviewed")
    (90, 14)
    """
    items = [item for items in ITEMS.values() for item in items]
    own = [item.max_age_days for item in items if name == item.id]
    return min(
        own or [item.max_age_days for item in items if name in item.reads],
        default=OTHERWISE_DAYS,
    )


def _newest(evidence: ChecklistEvidence, name: str) -> RecordedVerdict | None:
    """The newest verdict of a check; None where there is none, or it is too old to count."""
    found = evidence.last_seen(name)
    if found is None or evidence.days_since(found.as_of) > good_for_days(name):
        return None
    return found


def _gate_of_live(root: Root, feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Said:
    """What the gate said of the version that is live: a candidate that it refused never served."""
    live = evidence.standing.live
    said = gate_verdicts(root.ledger, feature.name, live) if live else {}
    known = {
        check: [one for one in said.get(check, ()) if one.as_of <= evidence.as_of]
        for check in GATE_CHECKS
    }
    return {check: verdicts[-1] if verdicts else None for check, verdicts in known.items()}


_WANTED: Final[Mapping[Signature, str]] = {
    "approval": "`ai-ops approve` of the version that is live",
    "environment_lock": "`ai-ops environment lock`",
}


def _signed(
    root: Root, feature: AiFeatureSpec, evidence: ChecklistEvidence
) -> dict[Signature, str]:
    """What people signed by then, who and when; a row without a valid signature is nothing."""
    found: dict[Signature, str] = {}
    approvals = believed(root, feature, kinds={"approval"})[0].approvals
    approval = approvals.get(evidence.standing.live or "")
    if approval and approval.approved and approval.at <= evidence.as_of:
        at = f"{approval.at:%Y-%m-%d}"
        found["approval"] = f"version {approval.version} approved by {approval.by} on {at}"
    if locks := evidence.standing.environment_locks:
        found["environment_lock"] = f"locked by {locks[-1].by} on {locks[-1].at:%Y-%m-%d}"
    return found
