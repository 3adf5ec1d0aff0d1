"""The versions of a feature's model, as the registry knows them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.registry import ModelVersion
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move, Standing, standing_of
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict

EXPIRES_AFTER: Final = timedelta(days=8)
"""What was seen of the registry speaks for a week and a day, no longer."""


def compute_model_versions(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Summary:
    """Every registered version of the model: when it was made, on which data, what it scored; and
    of those that came to production when that was, with which metrics and after which version.

    Which one is in production is the registry's alias `champion`, before the launch `rehearsal`
    names the one that is tried; the history of production stands in the ledger, MLflow keeps none.
    A file name or a deployment note does not count as a version.
    """
    versions = root.registry.versions(feature.name)
    champion = root.registry.champion(feature.name)
    serving = root.registry.serving_version(feature.name)
    standing = standing_of(root.ledger, feature.name, as_of)
    rows = [_row(version, champion, standing) for version in versions]
    path = root.lake.path(feature.name, "model_versions", None, "json")
    stored = {
        "as_of": as_of.isoformat(),
        "champion": champion,
        "serving": serving,
        "versions": rows,
        "moves": [_told(move) for move in standing.moves],
    }
    root.lake.write_json(path, stored)
    return Summary(
        numbers={
            "versions": len(rows),
            "champion": champion or "none",
            "rehearsed": serving if champion is None else None,
            "moves": len(standing.moves),
        },
        table=tuple(rows),
        files={"file": path},
    )


def judge_version_registered(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The version in production (before the launch: in rehearsal) stands in the registry with the
    metrics it passed and the digest of its data, the ledger says since when it is live and after
    which one, and a version stands beside it to roll back to. What was seen a week ago expires."""
    stored, evidence = root.lake.read_json(
        root.lake.path(feature.name, "model_versions", None, "json")
    )
    seen = datetime.fromisoformat(stored["as_of"])
    if as_of - seen > EXPIRES_AFTER:
        reason = (
            f"the registry was looked at last on {seen:%Y-%m-%d %H:%M}, {(as_of - seen).days} days "
            f"ago, and that speaks for {EXPIRES_AFTER.days}: materialise model_versions"
        )
        return Verdict.lacking(reason, "version").with_evidence(evidence)
    try:
        versions = root.registry.versions(feature.name)
        champion = root.registry.champion(feature.name)
        serving = root.registry.serving_version(feature.name)
    except RegistryUnavailable as error:
        return Verdict.lacking(str(error), "version")
    return version_registered(
        versions,
        serving,
        stored.get("serving"),
        standing_of(root.ledger, feature.name, as_of) if champion else None,
    ).with_evidence(evidence)


def version_registered(
    versions: Sequence[ModelVersion],
    serving: str | None,
    last_seen: str | None,
    standing: Standing | None,
) -> Verdict:
    """Judge the version that serves: its metrics and digest, since when, what to fall back to.

    ``last_seen`` is the version that the asset saw serving when it was materialised; ``standing``
    is None before the launch, when there is only a rehearsal.
    """
    if serving is None:
        return Verdict.lacking(
            "no version has the alias champion or rehearsal: nothing is live", "version"
        )
    by_number = {version.version: version for version in versions}
    if serving not in by_number:
        return Verdict.lacking(f"version {serving} is live and not in the registry", "version")
    word = "live" if standing else "in rehearsal"
    move = _last_move(standing, serving)
    problems = []
    if not by_number[serving].metrics:
        problems.append(f"version {serving} is {word} without a metric that it passed")
    if not by_number[serving].dataset_digest:
        problems.append(f"version {serving} is {word} without the digest of its data")
    if standing and move is None:
        problems.append(f"version {serving} is live, and no launch or promotion of it is recorded")
    if len(versions) < 2:
        problems.append("there is no other version to roll back to")
    if last_seen != serving:
        problems.append(f"the champion moved from {last_seen} to {serving} since it was looked at")
    observed: dict[str, Observed] = {
        "champion": serving,
        "versions": len(versions),
        "size_bytes": by_number[serving].size_bytes,
        "promoted_at": move.at.isoformat() if move else None,
        "previous": move.previous if move else None,
    }
    if problems:
        findings = [Finding("version", "fail", problem) for problem in problems]
        reason = "; ".join(problems)
        return Verdict.failing(reason, *findings, sample_size=len(versions), observed=observed)
    beside = _beside(set(by_number) - {serving}, standing)
    since = f" since {move.at:%Y-%m-%d}" if move else ""
    return Verdict.passing(
        f"version {serving} is {word}{since} and registered with its metrics; {beside}",
        sample_size=len(versions),
        observed=observed,
    )


def _beside(others: set[str], standing: Standing | None) -> str:
    """What there is to fall back to, in words: only what was live before can be brought back."""
    lived = {move.version for move in standing.moves} & others if standing else set()
    named = ", ".join(sorted(lived or others, key=int))
    return f"{named} to fall back to" if lived else f"{named} beside it, not live before"


def _last_move(standing: Standing | None, version: str) -> Move | None:
    moves = standing.moves if standing else ()
    return next((move for move in reversed(moves) if move.version == version), None)


def _told(move: Move) -> dict[str, Any]:
    return {
        "kind": move.kind,
        "version": move.version,
        "previous": move.previous,
        "at": move.at.isoformat(),
        "by": move.by,
        "metrics": dict(move.metrics),
        "gate_hash": move.gate_hash,
    }


def _row(version: ModelVersion, champion: str | None, standing: Standing) -> dict[str, Observed]:
    move = _last_move(standing, version.version)
    metrics = {name: round(value, 4) for name, value in sorted(version.metrics.items())}
    return {
        "version": version.version,
        "live": version.version == champion,
        "promoted_at": move.at.isoformat() if move else None,
        "previous": move.previous if move else None,
        "promoted_by": f"{move.kind}, {move.by}" if move else None,
        "metrics_passed": _in_words(move) if move else None,
        "created_at": version.created_at.isoformat(),
        "dataset_digest": version.dataset_digest,
        **metrics,
    }


def _in_words(move: Move) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in sorted(move.metrics.items()))
