"""Verdict → ledger → asset check, in one place.

A verdict is appended to the ledger first; Dagster's evaluation is its projection.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import is_judged, is_made
from ai_ops.ai_features.synthetic import dated
from ai_ops.orchestration.building import asset_key, description_of
from ai_ops.orchestration.event_log import report_evaluations
from ai_ops.orchestration.partitions import moments_of, partitions_of
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.timing import timed
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import LakeUnreachable, MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Domain, FindingKind, Rhythm

FINDINGS_SHOWN = 12


@dataclass(frozen=True)
class Check:
    """One asset check: the asset it is about, and the judgement that it reports.

    ``judge`` takes root, feature and moment (without a rhythm: the clock's time) and returns a
    ``Verdict``; its docstring is what the UI shows. ``missing`` is the kind of finding when what
    it reads is not there. Until a ``blocking`` check passes, its run goes no further. A feature
    to which it does not apply has no such check, and the items that read it say why.
    """

    name: str
    asset: str
    domain: Domain
    missing: FindingKind
    judge: (
        Callable[[Root, AiFeatureSpec, Moment], Verdict]
        | Callable[[Root, AiFeatureSpec, datetime], Verdict]
    )
    rhythm: Rhythm | None = "daily"
    blocking: bool = False

    def applies(self, feature: AiFeatureSpec) -> bool:
        """Whether the feature has this check."""
        return is_made(self.asset, feature) and is_judged(self.name, feature)


def checks_of(feature: AiFeatureSpec, checks: Sequence[Check]) -> list[dg.AssetChecksDefinition]:
    """The Dagster checks of these: one op per asset, one block of the ledger per op and run.

    What is judged as it is now, of an asset whose other checks have a rhythm, is an op of its own.
    """

    def place(check: Check) -> tuple[str, str]:
        return check.asset, check.rhythm or ""

    own = [check for check in checks if check.applies(feature)]
    by_place = groupby(sorted(own, key=place), key=place)
    return [_checks_of_asset(feature, asset, tuple(group)) for (asset, _), group in by_place]


def evaluation_of(
    feature: AiFeatureSpec, check: Check, recorded: RecordedVerdict
) -> dg.AssetCheckEvaluation:
    """A recorded verdict as Dagster shows it, for a sensor that judged without a run."""
    return dg.AssetCheckEvaluation(**_result(feature, check, recorded))


def judge_and_record(
    root: Root,
    feature: AiFeatureSpec,
    checks: Sequence[Check],
    moments: Sequence[Moment],
    *,
    run_id: str | None,
) -> tuple[RecordedVerdict, ...]:
    """Judge every check at every moment and append the verdicts to the ledger as one block."""
    verdicts = []
    for check in checks:
        with timed(check.domain):
            verdicts += [_recorded(root, feature, check, moment) for moment in moments]
    # Of each moment in the order of the checks, as single runs would record them.
    verdicts.sort(key=lambda one: one.window.start)
    with timed("ledger"):
        return root.ledger.record_verdicts(verdicts, clock=root.clock, run_id=run_id)


def moment_now(now: datetime) -> Moment:
    """The moment at which something without partitions is judged: now, for the day it is."""
    return Moment("latest", Window.of_day(now.date()), now)


def metadata_of_verdict(recorded: RecordedVerdict, *, owner: str) -> dict[str, Any]:
    """A verdict as check metadata: its reason, its numbers (Dagster plots them), its findings."""
    verdict = recorded.verdict
    metadata: dict[str, Any] = {
        "status": verdict.status,
        "reason": verdict.reason,
        "sample_size": verdict.sample_size,
        "owner": owner,
        "as_of": recorded.as_of.isoformat(),
    }
    for name, value in verdict.observed.items():
        metadata.setdefault(name, "–" if value is None else value)
    if verdict.findings:
        metadata["findings"] = dg.MetadataValue.md(_as_list(verdict.findings))
    return metadata


def _recorded(root: Root, feature: AiFeatureSpec, check: Check, moment: Moment) -> RecordedVerdict:
    return RecordedVerdict(
        feature=feature.name,
        item=check.name,
        asset=check.asset,
        partition=moment.partition if check.rhythm else None,
        window=moment.window,
        as_of=moment.as_of,
        verdict=_judge(root, feature, check, moment),
    )


def _judge(root: Root, feature: AiFeatureSpec, check: Check, moment: Moment) -> Verdict:
    try:
        judge: Callable[..., Verdict] = check.judge
        verdict = judge(root, feature, moment if check.rhythm else moment.as_of)
    except (MissingEvidence, LakeUnreachable) as missing:
        verdict = Verdict.lacking(str(missing), check.missing, window=moment.window)
    return dated(feature, verdict)


def _checks_of_asset(
    feature: AiFeatureSpec, asset: str, checks: tuple[Check, ...]
) -> dg.AssetChecksDefinition:
    rhythm = checks[0].rhythm
    partitions = partitions_of(feature, rhythm) if rhythm else None

    @dg.multi_asset_check(
        name=f"{feature.name}__{asset}__{'' if rhythm else 'latest_'}checks",
        specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=asset_key(feature, asset),
                description=description_of(check.judge),
                blocking=check.blocking,
                metadata={
                    "item": check.name,
                    "domain": check.domain,
                    "owner": feature.owner_of(check.domain).accountable,
                },
                partitions_def=partitions,
            )
            for check in checks
        ],
        can_subset=True,
    )
    def run_checks(
        context: dg.AssetCheckExecutionContext, root: RootResource
    ) -> Iterator[dg.AssetCheckResult]:
        opened = root.remembered()
        selected = {key.name for key in context.selected_asset_check_keys}
        chosen = [check for check in checks if check.name in selected]
        if rhythm:
            moments = moments_of(
                list(context.partition_keys), rhythm, tags=context.run.tags, clock=opened.clock
            )
        else:
            moments = [moment_now(opened.clock.now())]
        recorded = judge_and_record(opened, feature, chosen, moments, run_id=context.run.run_id)
        yield from _report(context, feature, chosen, recorded)

    return run_checks


def _report(
    context: dg.AssetCheckExecutionContext,
    feature: AiFeatureSpec,
    checks: Sequence[Check],
    recorded: Sequence[RecordedVerdict],
) -> Iterator[dg.AssetCheckResult]:
    ranged = []
    for check in checks:
        own = [verdict for verdict in recorded if verdict.item == check.name]
        for verdict in own:
            result = _result(feature, check, verdict)
            if len(own) == 1:
                yield dg.AssetCheckResult(**result)
            else:
                # A result that a range run yields lands on no partition: each partition's is
                # reported on the run's behalf instead, or it would stay "planned" for ever.
                ranged.append(dg.AssetCheckEvaluation(**result, partition=verdict.partition))
    if ranged:
        report_evaluations(context.instance, context.run.run_id, ranged)


def _result(feature: AiFeatureSpec, check: Check, recorded: RecordedVerdict) -> dict[str, Any]:
    owner = feature.owner_of(check.domain).accountable
    return {
        "asset_key": asset_key(feature, check.asset),
        "check_name": check.name,
        "passed": recorded.verdict.passed,
        "severity": dg.AssetCheckSeverity.ERROR,
        "metadata": metadata_of_verdict(recorded, owner=owner),
    }


def _as_list(findings: Sequence[Finding]) -> str:
    lines = [f"- **{f.kind}** ({f.status}): {_plain(f.reason)}" for f in findings[:FINDINGS_SHOWN]]
    if len(findings) > FINDINGS_SHOWN:
        lines.append(f"- … and {len(findings) - FINDINGS_SHOWN} more, in the ledger")
    return "\n".join(lines)


def _plain(text: str) -> str:
    # A reason may quote a category that a user typed: it must not become markup.
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#!|" else c for c in text)
