"""The clocks of a rollback drill, read from what answered: a label alone stops none of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ai_ops.inference_management.drill_answers import Seen, Who, first, last
from ai_ops.inference_management.rollback_record import Clocks

QUIET: Final = 0.25
"""The last share of the time that the load goes on, in which nobody may answer as before."""


def timed(
    answers: Sequence[Seen | None],
    clocks: Clocks,
    promoted: float,
    entered_at: float | None,
    quiet: float,
) -> Clocks:
    """The clocks of a drill, by what answered; a rollback that was never entered has none.

    A version stayed that answered in the last ``quiet`` seconds before the rollback was entered
    (the previous one) or before the load ended (the candidate): what swaps never is one of several
    workers, and the others answer quickly.
    """
    came = first(answers, "candidate", promoted)
    if entered_at is None:
        return replace(clocks, promoted=came)
    back = first(answers, "previous", entered_at)
    late = last(answers, "candidate", entered_at)
    end = entered_at + (clocks.waited or 0.0)
    stayed = dict.fromkeys(clocks.stayed)
    gone: tuple[tuple[Who, float], ...] = (("previous", entered_at), ("candidate", end))
    for who, until in gone:
        if any(o and o.outputs == who and until - quiet < o.ended <= until for o in answers):
            stayed[who] = None
    late = late if back is not None else None
    return Clocks(came, back, late, clocks.waited, tuple(stayed))
