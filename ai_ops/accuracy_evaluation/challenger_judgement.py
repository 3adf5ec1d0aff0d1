"""Whether a challenger was compared: not whether it is good, which is the gate's to judge."""

from typing import Final

from ai_ops.accuracy_evaluation.challenger import read_report
from ai_ops.accuracy_evaluation.challenger_records import ChallengerReport, OnLabels, ShadowDay
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict

MISSING_SHARE: Final = 0.05
"""More than this of the champion's answers without one of the challenger: it was not compared."""


def judge_challenger_compared(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """While a version is the challenger it answers what the champion answers, in shadow: nearly
    every request of the day, without failing. Which of the two is better is told beside it, and
    judged by the gate. Waived on a day without a challenger."""
    report, read = read_report(root, feature, moment.partition)
    verdict = compared(report, feature.serving.slo.failed_share)
    return verdict.with_evidence(read)


def compared(report: ChallengerReport, failed_share: float) -> Verdict:
    """Judge one day's report; ``failed_share`` is what serving promises of the champion too."""
    if report.version is None:
        return Verdict("waived", f"no version was the challenger on {report.day}")
    today = next((one for one in report.days if one.day == report.day), ShadowDay(report.day, 0))
    observed: dict[str, Observed] = {
        "challenger": report.version,
        "champion": report.champion,
        "asked": today.asked,
        "answered": today.answered,
        "failed": today.failed,
        "missing": today.missing,
    }
    who = f"version {report.version}, the challenger since {str(report.since)[:16]},"
    if not today.asked and report.version == report.champion:
        return Verdict("waived", f"version {report.version} is live by now: nothing to compare")
    if not today.asked:
        reason = f"{who} was asked nothing: the champion answered nothing on {report.day}"
        return Verdict.lacking(reason, "volume", observed=observed)
    problems = list(_problems(who, today, failed_share))
    if problems:
        findings = [Finding("operations", "fail", words, size=size) for words, size in problems]
        words = "; ".join(reason for reason, _ in problems)
        return Verdict.failing(words, *findings, sample_size=today.answered, observed=observed)
    if today.other_decisions is not None:
        observed["other_decisions"] = round(today.other_decisions, 4)
    if today.mean_difference is not None and today.largest_difference is not None:
        observed["mean_difference"] = round(today.mean_difference, 4)
        observed["largest_difference"] = round(today.largest_difference, 4)
    return Verdict.passing(
        f"{who} answered {today.answered} of {today.asked} requests, "
        f"{today.other_decisions or 0:.1%} with another decision; {_on_labels(report)}",
        sample_size=today.answered,
        observed=observed,
    )


def _problems(who: str, today: ShadowDay, failed_share: float) -> list[tuple[str, float]]:
    if not today.answered and not today.failed:
        words = (
            f"{who} answered none of the {today.asked} predictions that the champion answered: is "
            "the server's challenger loaded (/health)?"
        )
        return [(words, 1.0)]
    problems = []
    if (missing := today.missing / today.asked) > MISSING_SHARE:
        words = f"{who} has no answer to {today.missing} of {today.asked}: dropped, or never asked"
        problems.append((words, missing))
    if (failed := today.failed / today.asked) > failed_share:
        words = f"{who} failed on {today.failed} of {today.asked}"
        problems.append((words, failed))
    return problems


def _on_labels(report: ChallengerReport) -> str:
    found = report.on_labels
    if found is None:
        return report.no_labels or "no labels yet"
    told = ", ".join(_told(found, name) for name in ("auc", "brier") if name in found.difference)
    return f"on {found.rows} labelled rows of {found.days} days {told or 'no metric is defined'}"


def _told(found: OnLabels, name: str) -> str:
    apart = found.difference[name]
    words = f"{name} {apart.value:+.4f}"
    if apart.low is None or apart.high is None:
        return f"{words} (too few days for an interval)"
    return f"{words} ({apart.low:+.4f} to {apart.high:+.4f})"
