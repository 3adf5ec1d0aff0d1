"""Is the log complete? Judged from its sequence numbers and from a witness that is not the log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One writer's incarnation on one day: its sequence numbers, and the gaps that show there.

    ``gaps`` are spans of missing numbers, both ends included; ``closed`` says that it ended in
    order on that day.
    """

    writer: str
    incarnation: str
    first: int | None
    last: int | None
    n: int
    gaps: tuple[tuple[int, int], ...] = ()
    closed: bool = False

    @property
    def missing(self) -> int:
        """How many numbers are missing.

        >>> Span(writer="w", incarnation="i", first=1, last=9, n=6, gaps=((4, 5), (7, 7))).missing
        3
        """
        return sum(end - start + 1 for start, end in self.gaps)


class Actions(msgspec.Struct, frozen=True, kw_only=True):
    """User actions of one day, or of one call site or tenant in it, beside the log.

    ``begin`` is the time of the first action without a prediction.
    """

    n: int
    without_prediction: int
    begin: datetime | None = None

    @property
    def share(self) -> float:
        """The share of actions without a prediction, in [0, 1]."""
        return self.without_prediction / self.n


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one day: ``records`` is None when the day's log was not materialised."""

    feature: str
    day: str
    records: int | None
    torn: int
    quarantined: int
    duplicates: int
    incarnations: tuple[Span, ...]
    user_actions: Actions
    predictions_without_action: int
    by_call_site: Mapping[str, Actions] = {}
    by_tenant: Mapping[str, Actions] = {}


def judge_completeness(known: Completeness, missing_share: float, window: Window) -> Verdict:
    """Whether every prediction that was asked for stands in the log.

    Fails on a gap in a writer's sequence numbers, or when more than ``missing_share`` of the user
    actions have no prediction. Without a log, without user actions to compare it with, or without
    the sequence numbers of all its records, there is no evidence.
    """
    if known.records is None:
        return Verdict.lacking(
            f"no log of {known.day} was compacted", "completeness", window=window
        )
    actions = known.user_actions
    observed: dict[str, Observed] = {
        "records": known.records,
        "missing_sequence_numbers": sum(span.missing for span in known.incarnations),
        "user_actions": actions.n,
        "actions_without_prediction": actions.without_prediction,
        "predictions_without_action": known.predictions_without_action,
        "torn": known.torn,
        "duplicates": known.duplicates,
    }
    findings = [*_gaps(known, window), *_unanswered(known, missing_share, window)]
    if findings:
        reason = "; ".join(finding.reason for finding in findings[:3])
        return Verdict.failing(reason, *findings, sample_size=actions.n, observed=observed)
    if actions.n == 0:
        reason = f"{known.records} records, and no user action of {known.day} to compare them with"
        return Verdict.lacking(reason, "completeness", window=window, observed=observed)
    numbered = sum(span.n for span in known.incarnations)
    if known.records > numbered:  # the table outlives segments that were archived
        reason = (
            f"the segments of {known.day} hold the sequence numbers of {numbered} records, "
            f"the log has {known.records}: gaps among the others would not show"
        )
        return Verdict.lacking(reason, "completeness", window=window, observed=observed)
    reason = (
        f"{actions.n - actions.without_prediction} of {actions.n} user actions have their "
        f"prediction, no sequence number of {len(known.incarnations)} incarnations is missing"
    )
    return Verdict.passing(reason, sample_size=actions.n, observed=observed)


def _gaps(known: Completeness, window: Window) -> list[Finding]:
    return [
        Finding(
            "completeness",
            "fail",
            f"{span.missing} sequence numbers of writer {span.writer} are missing "
            f"({_numbers(span)}, incarnation {span.incarnation})",
            window=window,
            size=span.missing,
        )
        for span in known.incarnations
        if span.gaps
    ]


def _unanswered(known: Completeness, allowed: float, window: Window) -> list[Finding]:
    actions = known.user_actions
    if not actions.n or (actions.share <= allowed and actions.share < 1):
        return []  # that every action misses its prediction, no allowance covers
    whole = Finding(
        "completeness",
        "fail",
        f"{_of(actions)} user actions have no prediction in the log ({allowed:.1%} are allowed)",
        window=window,
        begin=actions.begin,
        size=actions.share,
    )
    return [
        whole,
        *_concentrated(known, known.by_call_site, "call_site", allowed, window),
        *_concentrated(known, known.by_tenant, "tenant", allowed, window),
    ]


def _concentrated(
    known: Completeness,
    groups: Mapping[str, Actions],
    what: Literal["call_site", "tenant"],
    allowed: float,
    window: Window,
) -> list[Finding]:
    """A finding for each group that misses more than is allowed and more than the whole day."""
    share = known.user_actions.share
    return [
        Finding(
            "completeness",
            "fail",
            f"{what.replace('_', ' ')} {name}: {_of(actions)} user actions have no prediction",
            call_site=name if what == "call_site" else None,
            tenant=name if what == "tenant" else None,
            window=window,
            begin=actions.begin,
            size=actions.share,
        )
        for name, actions in sorted(groups.items())
        if actions.share > allowed and (actions.share > share or len(groups) == 1)
    ]


def _of(actions: Actions) -> str:
    return f"{actions.without_prediction} of {actions.n} ({actions.share:.1%})"


def _numbers(span: Span) -> str:
    texts = [str(a) if a == b else f"{a}–{b}" for a, b in span.gaps[:3]]
    return ", ".join(texts) + (", …" if len(span.gaps) > 3 else "")
