"""What is wrong with a reference itself: weeks that a person has to look at."""

from ai_ops.drift_monitoring.outlying_weeks import OutlyingWeek
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.vocabulary.verdicts import Finding
from ai_ops.vocabulary.windows import Window

MEND = (
    "It is left out of what is normal. If it is faulty, repair it or declare another reference; "
    "if it is right, a reference with more such weeks says so."
)


def outlying_in(reference: Reference) -> tuple[Finding, ...]:
    """A finding for each week of a column that lies far from all others of the reference."""
    return tuple(
        _finding(reference, column.name, week)
        for column in reference.columns
        for week in column.calibration.left_out
    )


def _finding(reference: Reference, column: str, week: OutlyingWeek) -> Finding:
    first, last = (reference.calendar[week.days[end]] for end in (0, -1))
    start, end = Window.of_day(first).start, Window.of_day(last).end
    reason = (
        f"{column}: the reference's days {first} to {last} lie a PSI of {week.distance:.2f} from "
        f"its other weeks, which lie {week.usual:.2f} apart. {MEND}"
    )
    return Finding(
        "data_quality",
        "fail",
        reason,
        columns=(column,),
        window=Window(start, end),
        begin=start,
        size=week.distance,
    )
