"""Whether the ledger's history of production and the registry say the same."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.registry import REHEARSAL, ModelVersion
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict


def judge_registry_reconciled(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """Ledger and registry agree: the alias is at the version that was launched, promoted or rolled
    back to last, every version that was ever live is still registered, with the metrics that it
    passed, and the previous one is there to fall back to. Before a launch nothing is live."""
    standing = standing_of(root.ledger, feature.name, as_of)
    try:
        versions = root.registry.versions(feature.name)
        champion = root.registry.champion(feature.name)
        rehearsal = root.registry.alias(feature.name, REHEARSAL)
    except RegistryUnavailable as error:
        return Verdict.lacking(str(error), "version")
    if not standing.moves:
        return before_launch(versions, champion, rehearsal)
    return reconciled(standing, versions, champion)


def before_launch(
    versions: Sequence[ModelVersion], champion: str | None, rehearsal: str | None
) -> Verdict:
    """Judge the registry of a feature that the ledger knows no launch of."""
    observed: dict[str, Observed] = {"champion": champion, "rehearsal": rehearsal, "moves": 0}
    if champion is not None:
        reason = (
            f"version {champion} has the alias champion, and the ledger knows no launch: "
            "only ai-ops launch brings the first version to production"
        )
        finding = Finding("version", "fail", reason)
        return Verdict.failing(reason, finding, sample_size=len(versions), observed=observed)
    if rehearsal is None:
        reason = "nothing was launched, and no version is in rehearsal"
        return Verdict.lacking(reason, "version", observed=observed)
    return Verdict.passing(
        f"nothing is live, as the ledger says; version {rehearsal} is in rehearsal",
        sample_size=len(versions),
        observed=observed,
    )


def reconciled(
    standing: Standing, versions: Sequence[ModelVersion], champion: str | None
) -> Verdict:
    """Judge the registry against the moves of the ledger, of which there is one at least."""
    live = standing.moves[-1]
    registered = {version.version: version for version in versions}
    problems = []
    if champion != live.version:
        problems.append(
            f"the alias champion is at {_named(champion)}, by the ledger version {live.version} is "
            f"live since {live.at:%Y-%m-%d %H:%M}: somebody moved the alias by hand, or the "
            f"{live.kind} was stopped halfway (ai-ops promote completes it)"
        )
    problems += _gone(standing, registered)
    problems += _other_metrics(standing, registered)
    observed: dict[str, Observed] = {
        "champion": champion,
        "live": live.version,
        "previous": live.previous,
        "moves": len(standing.moves),
        "versions": len(versions),
    }
    if problems:
        findings = [Finding("version", "fail", problem) for problem in problems]
        return Verdict.failing(
            "; ".join(problems), *findings, sample_size=len(standing.moves), observed=observed
        )
    back = f", version {live.previous} is there to fall back to" if live.previous else ""
    return Verdict.passing(
        f"version {live.version} is live by ledger and registry, every version of "
        f"{len(standing.moves)} moves is registered with the metrics that it passed{back}",
        sample_size=len(standing.moves),
        observed=observed,
    )


def _gone(standing: Standing, registered: Mapping[str, ModelVersion]) -> Iterator[str]:
    previous = standing.moves[-1].previous
    for version in dict.fromkeys(move.version for move in standing.moves):
        if version not in registered:
            lost = ": there is nothing to fall back to" if version == previous else ""
            yield f"version {version} was live and is not in the registry any more{lost}"


def _other_metrics(standing: Standing, registered: Mapping[str, ModelVersion]) -> Iterator[str]:
    last = {move.version: move for move in standing.moves}
    for version, move in last.items():
        if version in registered and dict(registered[version].metrics) != dict(move.metrics):
            yield (
                f"the registry's metrics of version {version} are not those that it came to "
                f"production with: {_told(registered[version].metrics)}, then {_told(move.metrics)}"
            )


def _named(champion: str | None) -> str:
    return "no version" if champion is None else f"version {champion}"


def _told(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in sorted(metrics.items())) or "none"
