"""The versions of a feature's model, as the registry knows them."""

from collections.abc import Sequence
from datetime import datetime

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.registry import ModelVersion
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import Evidence, Finding, Observed, Verdict


def compute_model_versions(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Summary:
    """Every registered version of the model: when it was made, what it scored, on which data.

    Which one is in production is the registry's alias `champion`; a file name or a deployment
    note does not count as a version.
    """
    versions = root.registry.versions(feature.name)
    champion = root.registry.champion(feature.name)
    rows = [_row(version, champion) for version in versions]
    path = root.lake.path(feature.name, "model_versions", None, "json")
    root.lake.write_json(path, {"as_of": as_of.isoformat(), "champion": champion, "versions": rows})
    return Summary(
        numbers={"versions": len(rows), "champion": champion or "none"},
        table=tuple(rows),
        files={"file": path},
    )


def judge_version_registered(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The version in production stands in the registry with the metrics it passed and the digest
    of its data, and a previous version stands beside it to roll back to."""
    stored, evidence = root.lake.read_json(
        root.lake.path(feature.name, "model_versions", None, "json")
    )
    try:
        versions = root.registry.versions(feature.name)
        champion = root.registry.champion(feature.name)
    except RegistryUnavailable as error:
        return Verdict.lacking(str(error), "version")
    return version_registered(versions, champion, stored["champion"]).with_evidence(
        Evidence(evidence.source, evidence.digest)
    )


def version_registered(
    versions: Sequence[ModelVersion], champion: str | None, last_seen: str | None
) -> Verdict:
    """Judge the registry: a champion, its metrics and digest, a version to fall back to.

    ``last_seen`` is the champion that the asset saw when it was materialised.
    """
    if champion is None:
        return Verdict.lacking("no version has the alias champion: nothing is live", "version")
    by_number = {version.version: version for version in versions}
    if champion not in by_number:
        return Verdict.lacking(f"version {champion} is live and not in the registry", "version")
    live = by_number[champion]
    problems = []
    if not live.metrics:
        problems.append(f"version {champion} is live without a metric that it passed")
    if not live.dataset_digest:
        problems.append(f"version {champion} is live without the digest of its data")
    if len(versions) < 2:
        problems.append("there is no other version to roll back to")
    if last_seen != champion:
        problems.append(f"the champion moved from {last_seen} to {champion} since it was looked at")
    observed: dict[str, Observed] = {"champion": champion, "versions": len(versions)}
    if problems:
        findings = [Finding("version", "fail", problem) for problem in problems]
        reason = "; ".join(problems)
        return Verdict.failing(reason, *findings, sample_size=len(versions), observed=observed)
    others = ", ".join(sorted(set(by_number) - {champion}, key=int))
    return Verdict.passing(
        f"version {champion} is live and registered with its metrics; {others} to fall back to",
        sample_size=len(versions),
        observed=observed,
    )


def _row(version: ModelVersion, champion: str | None) -> dict[str, float | str | bool | None]:
    metrics = {name: round(value, 4) for name, value in sorted(version.metrics.items())}
    return {
        "version": version.version,
        "live": version.version == champion,
        "created_at": version.created_at.isoformat(),
        "dataset_digest": version.dataset_digest,
        **metrics,
    }
