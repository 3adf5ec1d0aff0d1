"""What backend signed of the call sites that ask one by one and could ask in batches."""

from dataclasses import dataclass

from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.vocabulary.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Sites:
    """The call sites of a month whose calls come together: those that nobody decided on (``open``),
    what was decided of the others in words, and what the log says ``against`` it."""

    open: tuple[str, ...]
    words: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


def decided_sites(evidence: ChecklistEvidence, judged: Verdict) -> Sites:
    """What was decided of the call sites that a month's verdict names.

    Who signed for batches before the month began said what the month does not show.
    """
    found = str(judged.observed.get("batch_fits") or "")
    names = [name for name in found.split(", ") if name]
    latest = {
        one.call_site: one for one in evidence.standing.call_site_modes if one.at <= evidence.as_of
    }
    against, words = [], []
    for name in names:
        if (one := latest.get(name)) is None:
            continue
        said = f"{name} is signed {one.mode} by {one.by} on {one.at:%Y-%m-%d}"
        if one.mode == "batch" and one.at < evidence.window.start:
            against.append(f"{said}, and asks one by one")
        else:
            words.append(said)
    undecided = tuple(name for name in names if name not in latest)
    return Sites(undecided, tuple(words), tuple(against))
