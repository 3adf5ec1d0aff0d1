"""Do the answers of a day come again? The rules, on what an evaluation run asked."""

from ai_ops.accuracy_evaluation.records import EvaluationRun
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window


def judge_reproduced(run: EvaluationRun) -> Verdict:
    """Whether the answers of a day come again from the versions that gave them."""
    again, window = run.reproduced, Window.of_day(run.day)
    if again is None:
        reason = run.no_reproduced or "the run was made before answers were asked again"
        return Verdict.lacking(f"no answer was asked again: {reason}", "version", window=window)
    if not again.asked:
        reason = f"no prediction was answered on {again.day}: there is nothing to ask again"
        return Verdict.lacking(reason, "version", window=window)
    wrong = again.differing + again.refused
    by = ", ".join(sorted(again.versions))
    observed: dict[str, Observed] = {
        "answered": again.answered,
        "asked_again": again.asked,
        "differing": again.differing,
        "refused": again.refused,
        "largest_difference": again.largest,
        "versions": by,
    }
    about = f"{again.asked:,} of {plural(again.answered, 'answer')} of {again.day}, asked again"
    if not wrong:
        return Verdict.passing(
            f"{about} of version {by}: all the same", sample_size=again.asked, observed=observed
        )
    told = f"{about} of version {by}: {again.differing:,} ({again.differing / again.asked:.0%}) "
    told += f"came out otherwise, by {again.largest:.3g} at most"
    if again.refused:
        told += f"; {again.refused:,} are inputs that it refuses now"
    told += f"; as {', '.join(again.examples)}"
    for one in again.related:
        told += f"; {one.column} {one.words} in {one.share:.0%} of them ({one.of_others:.0%} else)"
    finding = Finding(
        "data_quality",
        "fail",
        f"what serves is not what is registered, or reads its inputs otherwise: {told}",
        columns=tuple(dict.fromkeys(one.column for one in again.related)),
        window=Window.of_day(again.day),
        begin=Window.of_day(again.day).start,
        size=wrong / again.asked,
    )
    return Verdict.failing(finding.reason, finding, sample_size=again.asked, observed=observed)
