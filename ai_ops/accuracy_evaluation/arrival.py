"""Did labels arrive, and do they say one thing? The rules, on the counts of a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ai_ops.vocabulary.counts import plural, told_of
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import LabelKind

_NO_LABEL: Final[Mapping[LabelKind, str]] = {
    "binary": "neither true nor false",
    "classes": "no class",
    "number": "no finite number",
}


@dataclass(frozen=True)
class LabelArrival:
    """The labels that became known on one day, by what became of them.

    ``labels`` are kept. ``duplicates`` repeat an earlier label of their id. ``contradictions``
    differ from another label of their id that was known by then: none of the id's labels is
    believed. ``unreadable`` are no label of the declared ``kind``; of a binary one the
    ``positives`` are counted. ``without_id`` name no prediction. ``without_time`` have no day of
    their own: they are counted on every day whose labels stand in the same file, and on each of
    them they are the same ones. ``pending`` rows hold null instead of a label, and no label of
    their id is known: they are none yet, neither kept nor wrong, and those without a time are
    counted as the others without one. ``problem`` says why the source could not be read. Whether
    a label has a prediction is no question here: the log has no part in it.
    """

    day: str
    labels: int = 0
    positives: int | None = 0
    duplicates: int = 0
    contradictions: int = 0
    unreadable: int = 0
    without_id: int = 0
    without_time: int = 0
    problem: str | None = None
    kind: LabelKind = "binary"
    pending: int = 0


def judge_arrival(arrival: LabelArrival) -> Verdict:
    """The verdict on one day of labels.

    >>> judge_arrival(LabelArrival("2021-03-04")).status
    'no_evidence'
    >>> judge_arrival(LabelArrival("2021-03-04", labels=900, contradictions=2)).status
    'fail'
    >>> judge_arrival(LabelArrival("2021-03-04", labels=900, positives=9, pending=2)).reason
    '900 labels became known on 2021-03-04, 9 of them true; 2 rows have no label yet (null)'
    """
    window = Window.of_day(arrival.day)
    if arrival.problem:
        return Verdict.lacking(arrival.problem, "labels", window=window)
    wrong = [
        Finding("labels", "fail", reason, window=window, begin=window.start, size=float(count))
        for count, reason in _wrongs(arrival)
        if count
    ]
    observed: dict[str, Observed] = {
        "labels": arrival.labels,
        **({} if arrival.positives is None else {"positives": arrival.positives}),
        "duplicates": arrival.duplicates,
        "contradictions": arrival.contradictions,
        "unreadable": arrival.unreadable,
        "without_id": arrival.without_id,
        "without_time": arrival.without_time,
        "pending": arrival.pending,
    }
    pending = _pending(arrival)
    if wrong:
        return Verdict.failing(
            f"{arrival.day}: " + "; ".join(finding.reason for finding in wrong) + pending,
            *wrong,
            sample_size=arrival.labels,
            observed=observed,
        )
    if not arrival.labels:
        return Verdict.lacking(
            f"no label became known on {arrival.day}{pending}",
            "labels",
            window=window,
            observed=observed,
        )
    return Verdict.passing(
        f"{plural(arrival.labels, 'label')} became known on {arrival.day}"
        + ("" if arrival.positives is None else f", {arrival.positives} of them true")
        + pending,
        sample_size=arrival.labels,
        observed=observed,
    )


def _pending(arrival: LabelArrival) -> str:
    if not arrival.pending:
        return ""
    return f"; {told_of(arrival.pending, 'row', 'has', 'have')} no label yet (null)"


def _wrongs(arrival: LabelArrival) -> tuple[tuple[int, str], ...]:
    return (
        (
            arrival.contradictions,
            told_of(arrival.contradictions, "label", "contradicts", "contradict")
            + " another label of the same id; kept out, in the quarantine",
        ),
        (
            arrival.unreadable,
            told_of(arrival.unreadable, "label", "is", "are")
            + f" {_NO_LABEL[arrival.kind]}; kept out, in the quarantine",
        ),
        (
            arrival.without_id,
            told_of(arrival.without_id, "label", "has", "have")
            + " no id; kept out, in the quarantine",
        ),
        (
            arrival.without_time,
            f"{plural(arrival.without_time, 'label')} beside this day's, in the same files, "
            + ("does" if arrival.without_time == 1 else "do")
            + " not say since when it is known; of no day, in the quarantine",
        ),
    )
