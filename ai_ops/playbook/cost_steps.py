"""What is looked at when a cost spikes, with the week's numbers.

Who drives it is read from the verdict that opened the incident. What else is asked (was a single
path used where batches fit, is the model larger than the task needs, are the same queries asked
again) was answered from the week's log, before the week was judged.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ai_ops.playbook.drift_steps import newest_failing
from ai_ops.playbook.steps import Outcome, Scene, since_of
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence, Finding

SITE_DECIDED: Final = "call_site_decided"
"""The step that asks backend how a call site is to ask."""

EVIDENCE: Final = "cost_spike_evidence"
"""Where the week's answers lie, below the feature's folder."""


def name_source(scene: Scene) -> Outcome:
    """Names the call site, tenant, mode or price that drives it, by the verdict's findings."""
    recorded = newest_failing(scene)
    if recorded is None:
        return Outcome(f"no failing verdict of {scene.item} is in the ledger", "failed")
    findings = [one for one in recorded.verdict.findings if one.status == "fail"]
    if not findings:
        return Outcome(f"the verdict names no source: {recorded.verdict.reason}")
    return Outcome(_source(findings))


def look_at_batches(scene: Scene) -> Outcome:
    """Counts the single calls of the week that came close together: batches would fit there."""
    return _looked(scene, "are single calls made where batches fit?", ("batch",))


def look_at_size(scene: Scene) -> Outcome:
    """Tells whether a smaller registered version would answer as well, by its evaluation."""
    return _looked(scene, "is the model larger than the task needs?", ("smaller_version",))


def look_at_repeats(scene: Scene) -> Outcome:
    """Counts the queries of the week that were asked before, the same and nearly the same."""
    return _looked(scene, "are the same queries asked again?", ("cache", "near_cache"))


def fits_batches(scene: Scene) -> bool:
    """Whether the week's numbers say that single calls of a call site would fit into batches, and
    nobody decided about that site before it was asked about."""
    return scene.incident.question(SITE_DECIDED) is not None or bool(single_sites(scene))


def site_to_decide(scene: Scene) -> Mapping[str, str]:
    """The call site that the question is about."""
    return {"site": next(iter(single_sites(scene)), "SITE")}


def site_decided(scene: Scene) -> Outcome | None:
    """What backend signed since the incident opened about a call site that the week names."""
    since, named = since_of(scene.incident), _fitting(scene)
    for one in reversed(scene.standing.call_site_modes):
        if one.at >= since and one.call_site in named:
            words = f"{one.by} decided that {one.call_site} asks {one.mode}: {one.reason}"
            return Outcome(words, said={"answer": one.mode, "answered_by": one.by})
    return None


def single_sites(scene: Scene) -> tuple[str, ...]:
    """The call sites where batches would fit and about which nobody decided yet."""
    decided = {one.call_site for one in scene.standing.call_site_modes}
    return tuple(site for site in _fitting(scene) if site not in decided)


def _fitting(scene: Scene) -> tuple[str, ...]:
    """The call sites whose single calls would fit into batches, by the week's own log."""
    try:
        data, _ = _week(scene)
    except MissingEvidence:
        return ()
    found = (
        one["call_site"]
        for one in data["found"]
        if one["kind"] == "batch" and one["told"] != "none" and one["call_site"]
    )
    return tuple(dict.fromkeys(found))


def _looked(scene: Scene, asks: str, kinds: tuple[str, ...]) -> Outcome:
    try:
        data, read = _week(scene)
    except MissingEvidence:
        words = (
            f"{asks} not known: the log of the week was not looked through: materialise "
            "cost_trend again"
        )
        return Outcome(words, "failed")
    return Outcome(f"{asks} {_answer(data, kinds, read)}", evidence=(read,))


def _week(scene: Scene) -> tuple[Mapping[str, Any], Evidence]:
    recorded = newest_failing(scene)
    week = recorded.partition if recorded is not None else scene.begin
    path = scene.root.lake.path(scene.feature.name, EVIDENCE, week or scene.begin, "json")
    return scene.root.lake.read_json(path)


def _source(findings: Sequence[Finding]) -> str:
    """Who drives it: the parts that the findings name, those of the largest effect first."""
    ordered = sorted(findings, key=lambda one: -(one.size or 0.0))
    named = [_who(one) for one in ordered]
    who = next((words for words in named if words), "no single call site, tenant or mode")
    return f"what drives it: {who}; {ordered[0].reason}"


def _who(finding: Finding) -> str:
    parts = (("call site", finding.call_site), ("tenant", finding.tenant), ("", finding.slice))
    return ", ".join(f"{word} {name}".strip() for word, name in parts if name)


def _answer(data: Mapping[str, Any], kinds: tuple[str, ...], read: Evidence) -> str:
    lines = [one for one in data["found"] if one["kind"] in kinds]
    if not lines:
        missing = ", ".join(data["missing"]) or "any row"
        return f"not known: there is no log of {missing} ({read.source})"
    return f"{'; '.join(_told(one) for one in lines)} ({read.source})"


def _told(line: Mapping[str, Any]) -> str:
    words = {"saving": "yes", "none": "no", "no_evidence": "not known"}.get(line["told"], "see")
    seconds = (line["freed_us"] or 0.0) / 10**6
    freed = f", {seconds:.3g} s of the machines' time" if line["told"] == "saving" else ""
    cash = (line["cash_nano"] or 0) / 10**9
    paid = f", tokens worth {cash:.4g}" if line["told"] == "saving" and cash else ""
    risk = f"; risk: {line['risk']}" if line["told"] == "saving" and line["risk"] else ""
    return f"{words}: {line['words']}{freed}{paid}{risk}"
