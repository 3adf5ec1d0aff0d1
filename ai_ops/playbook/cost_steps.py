"""What is looked at when a cost spikes, with the week's numbers: the first steps of an incident.

Who drives it is read from the verdict that opened the incident. What else is asked (was a single
path used where batches fit, is the model larger than the task needs, are the same queries asked
again) was answered from the week's log, before the week was judged.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.playbook.drift_steps import verdict_of
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence, Finding, RecordedVerdict
from ai_ops.vocabulary.words import AlertKind

EVIDENCE: Final = "cost_spike_evidence"
"""Where the week's answers lie, below the feature's folder."""

_STEPS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "batches_looked_at": ("are single calls made where batches fit?", ("batch",)),
    "model_size_looked_at": ("is the model larger than the task needs?", ("smaller_version",)),
    "repeats_looked_at": ("are the same queries asked again?", ("cache", "near_cache")),
}
"""Each step, what it asks, and the lines that answer it."""


class Opened(Protocol):
    """An incident that opened."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def alert(self) -> AlertKind:
        """What it is about."""

    @property
    def item(self) -> str:
        """The check that alerted."""

    @property
    def begin(self) -> str:
        """The partition since which it does."""


def cost_steps(
    root: Root,
    feature: AiFeatureSpec,
    opening: Iterable[Opened],
    verdicts: Sequence[RecordedVerdict],
) -> list[dict[str, Any]]:
    """The first steps of those of the incidents that open which are about cost."""
    return [
        {"incident": one.id, **step}
        for one in opening
        if one.alert == "cost_spike"
        if (verdict := verdict_of(verdicts, one.item, one.begin)) is not None
        for step in _steps(root, feature, verdict)
    ]


def _steps(
    root: Root, feature: AiFeatureSpec, recorded: RecordedVerdict
) -> Iterator[dict[str, Any]]:
    findings = [one for one in recorded.verdict.findings if one.status == "fail"]
    if findings:
        yield {"step": "source_named", "reason": _source(findings)}
    path = root.lake.path(feature.name, EVIDENCE, recorded.partition, "json")
    try:
        data, read = root.lake.read_json(path)
    except MissingEvidence:
        words = (
            f"the log of the week of {recorded.partition} was not looked through: materialise "
            "cost_trend again"
        )
        yield {"step": "evidence_missing", "reason": words}
        return
    for step, (asks, kinds) in _STEPS.items():
        yield {"step": step, "reason": f"{asks} {_answer(data, kinds, read)}", **_kept(read)}


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


def _kept(read: Evidence) -> dict[str, Any]:
    return {"evidence": {"source": read.source, "digest": read.digest}}
