"""Could an existing log be read? Judged from what stands, and from all that had to be set apart.

Reasons name the file, the column and the row, never what stood there: it may be personal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from ai_ops.vocabulary.counts import plural, told_of
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

SHOWN: Final = 5
"""So many files of one sort are told one by one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Rows of one file that are wrong alike: what is wrong, how many, the first and the last."""

    file: str
    problem: str
    rows: int
    first: int | None = None
    last: int | None = None

    def __str__(self) -> str:
        whole = self.first is not None and self.last is not None
        if self.rows == 1 and self.first is not None:
            where = f" row {self.first}"
        elif whole and self.rows == (self.last or 0) - (self.first or 0) + 1:
            where = f" rows {self.first} to {self.last}"
        else:
            where = f", the first in row {self.first}" if self.first is not None else ""
        return f"{self.file}{where}: {self.problem}"


@dataclass(frozen=True, slots=True)
class SourceWritten:
    """What is known of one day; ``rows`` is None when it has no log.

    ``total`` counts all rows of the source, of which ``undated`` belong to no day and ``later``
    ones lie on days that cannot be yet, the first of them on ``later_from``. ``shared_ids`` stand
    on several days each, one of them in the places ``shared_by``.
    """

    rows: int | None
    total: int = 0
    unversioned: int = 0
    versions: Sequence[str] = ()
    repeated: int = 0
    unreadable: Sequence[Place] = ()
    set_apart: Sequence[Place] = ()
    misfits: Mapping[str, Sequence[Place]] = field(default_factory=dict)
    undated: Sequence[Place] = ()
    later: int = 0
    later_from: str = ""
    shared_ids: int = 0
    shared_by: Sequence[str] = ()


def judge_source_written(known: SourceWritten, window: Window) -> Verdict:
    """Whether the day has rows and all that the source holds could be read.

    >>> day = Window.of_day("2021-03-04")
    >>> one = Place("a.csv", "no time", 3, 7, 12)
    >>> judge_source_written(SourceWritten(7, total=10, undated=[one]), day).reason
    '7 rows were read; 3 of 10 rows of the source (30.0%) belong to no day: a.csv, the first in \
row 7: no time'
    """
    rows = known.rows or 0
    undated = sum(one.rows for one in known.undated)
    observed: dict[str, Observed] = {
        "rows": rows,
        "quarantined": sum(one.rows for one in known.set_apart),
        "duplicates": known.repeated,
        "wrong_values": sum(one.rows for found in known.misfits.values() for one in found),
        "undated": undated,
        "undated_share": round(undated / known.total, 6) if known.total else None,
        "later": known.later,
        "shared_ids": known.shared_ids,
        "unreadable_files": len(known.unreadable),
        "versions": ", ".join(known.versions),
    }
    findings = list(_findings(known, undated, window))
    if not rows and (known.unreadable or not findings):
        reason = "; ".join(one.reason for one in findings) or (
            "the source has no row of this day"
            if known.rows is not None
            else "the source was not read: the asset did not run"
        )
        return Verdict.lacking(reason, "volume", *findings, window=window, observed=observed)
    if findings:
        reason = "; ".join(
            [f"{told_of(rows, 'row', 'was', 'were')} read", *(one.reason for one in findings)]
        )
        return Verdict.failing(reason, *findings, sample_size=rows, observed=observed)
    said = f"; {known.repeated:,} repeated others and count once" if known.repeated else ""
    answered = f" of version {', '.join(known.versions)}" if known.versions else ""
    were = "was" if rows == 1 else "were"
    reason = f"{plural(rows, 'row')}{answered} {were} read, every one as it was declared{said}"
    return Verdict.passing(reason, sample_size=rows, observed=observed)


def _findings(known: SourceWritten, undated: int, window: Window) -> Iterator[Finding]:
    for one in known.unreadable[:SHOWN]:
        yield Finding("completeness", "fail", f"{one.file}: {one.problem}", window=window)
    if more := known.unreadable[SHOWN:]:
        reason = f"{plural(len(more), 'more file')} cannot be read"
        yield Finding("completeness", "fail", reason, window=window, size=len(more))
    ordered = sorted(known.set_apart, key=lambda one: (one.problem, one.file))
    for problem, places in groupby(ordered, key=lambda one: one.problem):
        group = list(places)
        count = sum(one.rows for one in group)
        reason = f"{count:,} × {problem}: {_told(group, problem)}"
        yield Finding("completeness", "fail", reason, window=window, size=count)
    for column, found in known.misfits.items():
        count = sum(one.rows for one in found)
        values = f"{plural(count, 'value')} of {column}"
        wrong = "does not fit or is missing" if count == 1 else "do not fit or are missing"
        reason = f"{values} {wrong}: {_told(found)}"
        yield Finding("data_quality", "fail", reason, columns=(column,), window=window, size=count)
    if undated:
        rows = plural(known.total, "row")
        share = f"{undated:,} of {rows} of the source ({undated / known.total:.1%})"
        belong = "belongs" if undated == 1 else "belong"
        reason = f"{share} {belong} to no day: {_told(known.undated)}"
        yield Finding("completeness", "fail", reason, window=window, size=undated)
    if known.later:
        lie = told_of(known.later, "row", "lies", "lie")
        reason = f"{lie} in the future, the first on {known.later_from}"
        yield Finding("data_quality", "fail", reason, window=window, size=known.later)
    if known.shared_ids:
        reason = (
            f"{told_of(known.shared_ids, 'id', 'stands', 'stand')} on several days "
            f"({' and '.join(known.shared_by)}): no ids of predictions; name another "
            "source.columns.id, or none"
        )
        yield Finding("completeness", "fail", reason, window=window, size=known.shared_ids)
    if known.unversioned:
        silent = told_of(known.unversioned, "answered row", "does", "do")
        reason = f"{silent} not name the model's version"
        yield Finding(
            "version",
            "fail",
            reason,
            columns=("model_version",),
            window=window,
            size=known.unversioned,
        )


def _told(places: Sequence[Place], known: str = "") -> str:
    words = [str(one).removesuffix(f": {known}") for one in places[:SHOWN]]
    more = f"; and {len(places) - SHOWN} more" if places[SHOWN:] else ""
    return "; ".join(words) + more
