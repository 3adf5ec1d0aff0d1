"""What people are to be told of incidents: that one opened, what it asks, that nobody answers.

The accountable owner is told at once, the supporting roles when the time to answer is over, and
all owners when it is over twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.storage.authority import ANSWERED_BY
from ai_ops.storage.standing import Incident, Question, Standing
from ai_ops.vocabulary.words import Domain, OwnedDomain

NEWS: Final = timedelta(days=7)
"""So long something that is over is worth a line."""

OPENED: Final = "opened"

FOLLOWING: Final = "accuracy_evaluation"

URGENT: Final = ("critical", "emergency")


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing that is told once: ``what`` of what it is ``about``, to whom, in which words.

    What is ``urgent`` is told at once, the rest in the day's digest; what ``follows`` is told only
    to people who know of the beginning.
    """

    about: str
    what: str
    domain: OwnedDomain
    to: tuple[str, ...]
    words: str
    since: datetime
    urgent: bool = True
    critical: bool = False
    follows: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other telling of the feature."""
        return self.about, self.what


def incident_tellings(
    feature: AiFeatureSpec, standing: Standing, as_of: datetime
) -> tuple[Telling, ...]:
    """What is to be known of incidents: each when it opens, rises or is left alone, and what it
    asks of people."""
    return tuple(one for incident in standing.incidents for one in _of(feature, incident, as_of))


def _of(feature: AiFeatureSpec, one: Incident, as_of: datetime) -> Iterator[Telling]:
    domains = [owned(feature, ANSWERED_BY[alert]) for alert in one.alerts]
    domain = domains[0]
    owner = tuple(dict.fromkeys(feature.owner_of(each).accountable for each in domains))
    if one.state == "resolved":
        over = one.resolved_at or as_of
        if as_of - over <= NEWS:
            words = f"incident {one.id} is resolved by {one.resolved_by or 'nobody named'}"
            what = f"resolved, {len(one.reopened)} times reopened"
            yield Telling(one.id, what, domain, owner, words, over, urgent=False, follows=True)
        return
    if one.state == "open":
        yield from _unconcluded(feature, one, as_of, domain, owner)
    for question in one.pending:
        yield from _asked(feature, one, question, as_of)


def _unconcluded(
    feature: AiFeatureSpec,
    one: Incident,
    as_of: datetime,
    domain: OwnedDomain,
    owner: tuple[str, ...],
) -> Iterator[Telling]:
    since = one.reopened[-1] if one.reopened else one.opened_at
    critical = one.severity in URGENT
    severity = one.severity or "no severity"
    again = f"reopened {len(one.reopened)}" if one.reopened else OPENED
    verb = "is open again" if one.reopened else "is open"
    command = f"ai-ops incidents conclude {feature.name} {one.id}"
    words = (
        f"incident {one.id} ({', '.join(one.alerts)}; {severity}) {verb} since "
        f"{moment_told(since)}: {one.reason}\n"
        f"look: ai-ops incidents show {feature.name} {one.id}\nanswer: {command}"
    )
    # What raised its severity was a step, or an alert that joined it.
    later = (*(each.at for each in one.taken), *(each.at for each in one.joined))
    news = max((since, *later))
    yield Telling(one.id, f"{again}, {severity}", domain, owner, words, news, critical=critical)
    for number, joined in enumerate(one.joined, 1):
        words = f"incident {one.id}: {joined.item} joined it ({joined.reason})"
        yield Telling(one.id, f"joined {number}", domain, owner, words, joined.at, urgent=False)
    late = f"incident {one.id} ({severity}) is concluded by nobody since {moment_told(since)}"
    limit = _limit(feature, critical)
    rest = f"\nanswer: {command}"
    yield from _escalated(
        feature, one.id, f"{again}, unanswered", domain, since, limit, as_of, late, rest
    )


def _asked(
    feature: AiFeatureSpec, one: Incident, question: Question, as_of: datetime
) -> Iterator[Telling]:
    domain = owned(feature, question.domain)
    owner = (feature.owner_of(domain).accountable,)
    asked = moment_told(question.asked_at)
    what = f"asked {question.step} {asked}"
    rest = f"\nanswer: {question.command}"
    words = f"incident {one.id} asks: {question.words} (until {moment_told(question.due_at)}){rest}"
    yield Telling(one.id, what, domain, owner, words, question.asked_at)
    limit = question.due_at - question.asked_at
    late = f"incident {one.id} asked on {asked}, unanswered: {question.words}"
    yield from _escalated(
        feature, one.id, what, domain, question.asked_at, limit, as_of, late, rest
    )


def _escalated(
    feature: AiFeatureSpec,
    about: str,
    what: str,
    domain: OwnedDomain,
    since: datetime,
    limit: timedelta,
    as_of: datetime,
    late: str,
    rest: str,
) -> Iterator[Telling]:
    """Of what nobody answered: the supporting roles are told after ``limit``, all owners after
    twice that."""
    owners = feature.owner_of(domain)
    some = (owners.accountable, *owners.supporting)
    every = (*some, *(feature.owner_of(each).accountable for each in OWNED_DOMAINS))
    # Who hears of it late hears of the last stage only.
    for times, to in ((2, every), (1, some)):
        due = since + times * limit
        if as_of > due:
            twice = ", for twice the time it may take" if times == 2 else ""
            words = f"{late}{twice}; {owners.accountable} is accountable{rest}"
            people = tuple(dict.fromkeys(to))
            yield Telling(about, f"{what}, late {times}", domain, people, words, due, critical=True)
            return


def owned(feature: AiFeatureSpec, domain: Domain) -> OwnedDomain:
    """The domain whose owner answers for one: accuracy evaluation follows another."""
    return feature.owners.accuracy_evaluation.follows if domain == FOLLOWING else domain


def _limit(feature: AiFeatureSpec, critical: bool) -> timedelta:
    if critical:
        return timedelta(hours=feature.notifications.escalate_after_hours)
    return timedelta(days=feature.drift.review_within_days)


def moment_told(moment: datetime) -> str:
    """A moment as people are told it.

    >>> from datetime import UTC
    >>> moment_told(datetime(2021, 3, 4, 5, 6, tzinfo=UTC))
    '2021-03-04 05:06 UTC'
    """
    return f"{moment:%Y-%m-%d %H:%M} UTC"
