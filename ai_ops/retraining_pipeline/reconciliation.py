"""Whether the ledger's history of production and the registry say the same."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.earned import unearned
from ai_ops.storage.environments import ALIASES, PLACED
from ai_ops.storage.fingerprints import (
    Fingerprint,
    altered_files,
    changes,
    fingerprint_of,
    fingerprints,
)
from ai_ops.storage.registry import REHEARSAL, ModelVersion
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict


def judge_registry_reconciled(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """Ledger and registry agree: the alias is at the version that was launched, promoted or rolled
    back to last, those of staging and challenger where they were put, every version that was ever
    live is still registered, with the metrics that it passed, and the previous one is there to
    fall back to; of no version is anything else than when it was first seen; and that last move
    was earned, not written into the ledger by hand. Before a launch nothing is live."""
    standing = standing_of(root.ledger, feature.name, as_of)
    try:
        versions = root.registry.versions(feature.name)
        champion = root.registry.champion(feature.name)
        rehearsal = root.registry.alias(feature.name, REHEARSAL)
    except RegistryUnavailable as error:
        return Verdict.lacking(str(error), "version")
    known = fingerprints(root.ledger, feature.name)
    edited = (*misplaced(standing, versions), *edited_versions(standing, versions, known))
    if not standing.moves:
        return before_launch(versions, champion, rehearsal, edited)
    live = standing.moves[-1]
    if wrong := unearned(root, feature, live):
        words = f"the {live.kind} of version {live.version} in the ledger does not hold: {wrong}"
        edited = (words, *edited)
    return reconciled(standing, versions, champion, edited)


def before_launch(
    versions: Sequence[ModelVersion],
    champion: str | None,
    rehearsal: str | None,
    edited: Sequence[str] = (),
) -> Verdict:
    """Judge the registry of a feature that the ledger knows no launch of."""
    observed: dict[str, Observed] = {"champion": champion, "rehearsal": rehearsal, "moves": 0}
    problems = list(edited)
    if champion is not None:
        problems.insert(
            0,
            f"version {champion} has the alias champion, and the ledger knows no launch: "
            "only ai-ops launch brings the first version to production",
        )
    if problems:
        return _failing(problems, len(versions), observed)
    if rehearsal is None:
        reason = "nothing was launched, and no version is in rehearsal"
        return Verdict.lacking(reason, "version", observed=observed)
    return Verdict.passing(
        f"nothing is live, as the ledger says; version {rehearsal} is in rehearsal",
        sample_size=len(versions),
        observed=observed,
    )


def reconciled(
    standing: Standing,
    versions: Sequence[ModelVersion],
    champion: str | None,
    edited: Sequence[str] = (),
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
    problems += [*_other_metrics(standing, registered), *edited]
    observed: dict[str, Observed] = {
        "champion": champion,
        "live": live.version,
        "previous": live.previous,
        "moves": len(standing.moves),
        "versions": len(versions),
    }
    if problems:
        return _failing(problems, len(standing.moves), observed)
    back = f", version {live.previous} is there to fall back to" if live.previous else ""
    return Verdict.passing(
        f"version {live.version} is live by ledger and registry, every version of "
        f"{len(standing.moves)} moves is registered with the metrics that it passed{back}",
        sample_size=len(standing.moves),
        observed=observed,
    )


def misplaced(standing: Standing, versions: Sequence[ModelVersion]) -> Iterator[str]:
    """The aliases of environments without users that are not where the ledger put them."""
    for environment in PLACED:
        placed, alias = standing.placed(environment), ALIASES[environment]
        due = placed.version if placed else None
        found = next((one.version for one in versions if alias in one.aliases), None)
        if found != due:
            command = "challenge" if environment == "challenger" else "stage"
            yield (
                f"the alias {alias} is at {_named(found)}, by the ledger it is at {_named(due)}: "
                f"somebody moved it by hand, or ai-ops {command} was stopped halfway (do it again)"
            )


def edited_versions(
    standing: Standing, versions: Sequence[ModelVersion], known: Mapping[str, Fingerprint]
) -> Iterator[str]:
    """The versions that are not what they were when they were first seen.

    One that was deleted and that the ledger speaks of otherwise than of a first sight is named;
    a candidate that nobody wanted may go. Files are read of those that answer or may answer soon.
    """
    registered = {version.version: version for version in versions}
    lived = {move.version for move in standing.moves}
    placed = {one.version for one in map(standing.placed, PLACED) if one and one.version}
    wanted = {one.version for one in standing.approvals.values() if one.approved} | placed
    for number in sorted(wanted - lived - set(registered), key=_order):
        yield f"version {number} was approved or placed and is not in the registry any more"
    answering = {*[move.version for move in standing.moves[-1:]], *placed}
    answering |= {move.previous for move in standing.moves[-1:] if move.previous}
    for number, version in registered.items():
        told = [
            words
            for words in changes(known.get(number, {}), fingerprint_of(version))
            # Of what was live they are compared with those that it came to production with.
            if number in known and not (number in lived and words.startswith("metric "))
        ]
        if told:
            yield f"version {number} is not what was first seen of it: {', '.join(told)}"
        if number in answering or REHEARSAL in version.aliases:
            yield from altered_files(version)


def _failing(problems: Sequence[str], seen: int, observed: Mapping[str, Observed]) -> Verdict:
    findings = [Finding("version", "fail", problem) for problem in problems]
    return Verdict.failing("; ".join(problems), *findings, sample_size=seen, observed=observed)


def _order(version: str) -> tuple[int, str]:
    return (int(version), "") if version.isdecimal() else (0, version)


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
