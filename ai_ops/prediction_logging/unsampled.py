"""Was everything logged, by the rules that the YAML declares? Judged from what writers follow."""

from collections.abc import Iterator, Mapping, Sequence

from ai_ops.prediction_logging.findings import first_of
from ai_ops.prediction_logging.incarnation import Incarnation
from ai_ops.prediction_logging.times import at, between
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import RootMode


def judge_sampling(
    incarnations: Sequence[Incarnation],
    policies: Mapping[RootMode, str],
    sampling: float,
    window: Window,
) -> Verdict:
    """Whether every prediction was to be logged, by the policy that the YAML declares.

    Fails when the YAML or a writer's policy logs a share only, when a prediction was left out,
    and when a writer follows another policy than the YAML's (``policies`` holds its digest by
    clock). Without a writer that tells its policy there is no evidence.
    """
    told = [one for one in incarnations if one.policies]
    untold = [one for one in incarnations if not one.policies and one.segments]
    left_out = sum(one.change.unsampled for one in told if one.change)
    observed: dict[str, Observed] = {
        "sampling": min([sampling, *(one.sampling for one in told)]),
        "left_out": left_out,
        "policies": len({digest for one in told for digest in one.policies}),
        "incarnations": len(told),
    }
    findings = list(_found(told, policies, sampling, window))
    if findings:
        return Verdict.failing(
            first_of(findings), *findings, sample_size=len(told), observed=observed
        )
    if untold or not told:
        names = sorted({one.writer for one in untold})
        who = f"writer {', '.join(names)} tells" if names else "no writer tells"
        reason = f"{who} no policy: whether all predictions were to be logged is not known"
        return Verdict.lacking(
            reason.replace("no writer tells no", "no writer tells a"),
            "completeness",
            window=window,
            observed=observed,
        )
    who = plural(len(told), "incarnation")
    reason = f"{who} logged every prediction, by the policy that is declared"
    return Verdict.passing(reason, sample_size=len(told), observed=observed)


def _found(
    told: Sequence[Incarnation],
    policies: Mapping[RootMode, str],
    sampling: float,
    window: Window,
) -> Iterator[Finding]:
    if sampling < 1:
        reason = f"the YAML has {sampling:.1%} of the predictions logged (`logging.sampling`)"
        yield Finding("completeness", "fail", reason, window=window, size=sampling)
    for one in told:
        who = f"writer {one.writer}"
        if one.sampling < 1:
            reason = f"{who} logs {one.sampling:.1%} of its predictions ({one.name})"
            yield Finding("completeness", "fail", reason, window=window, size=one.sampling)
        if one.change and one.change.unsampled > 0:
            left = one.change.unsampled
            when = between(one.change.since or one.begun, one.change.until)
            reason = f"{left} predictions of {who} were left out by sampling ({when}, {one.name})"
            yield Finding("completeness", "fail", reason, window=window, size=left)
        for digest, since in sorted(one.policies.items(), key=lambda item: item[1]):
            if digest != policies[one.clock]:
                reason = (
                    f"{who} follows policy {digest} since {at(since)}, the YAML's is "
                    f"{policies[one.clock]}: the YAML was changed since, its policy not exported "
                    "again (`ai-ops features export-client`) or the writer not restarted, or "
                    f"somebody changed the policy elsewhere ({one.name})"
                )
                yield Finding("completeness", "fail", reason, window=window, begin=since)
