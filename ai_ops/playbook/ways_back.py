"""Whether the version before would answer better: told from evidence, never proposed blindly."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.errors import MissingEvidence

_HEADLINES: Final[tuple[Mapping[str, int], ...]] = (
    {"auc": 1, "brier": -1},
    {"accuracy": 1, "macro_f1": 1, "log_loss": -1},
    {"accuracy": 1, "balanced_accuracy": 1},
    {"mae": -1, "rmse": -1},
)
"""What stands for a version of each kind of answer, and whether more of it is better."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Another version, asked again for the labelled rows of a week that the live one answered.

    ``difference`` is the live version's metric minus the other's.
    """

    version: str
    other: str
    day: str
    rows: int
    difference: Mapping[str, float]

    @property
    def judged(self) -> Mapping[str, float]:
        """The differences that count, each turned so that below zero the other version is better;
        empty where they are not all known."""
        known = {name: value for name, value in self.difference.items() if isfinite(value)}
        for headlines in _HEADLINES:
            if headlines.keys() <= known.keys():
                return {name: sign * known[name] for name, sign in headlines.items()}
        return {}


def newest_beside(root: Root, feature: AiFeatureSpec) -> Beside | None:
    """What the newest evaluation run says of another version on the same rows; None where it says
    nothing, or has too few labels to say anything."""
    paths = root.lake.glob(f"{feature.name}/evaluation_run/*.json")
    if not paths:
        return None
    try:
        run, _ = root.lake.read_json(max(paths))
    except MissingEvidence:
        return None
    beside = run.get("beside")
    if not beside or run.get("version") is None:
        return None
    difference = {name: float(one["value"]) for name, one in beside["difference"].items()}
    rows = int(run.get("week", {}).get("rows", 0))
    if rows < feature.ground_truth.minimum_labels:
        return None
    return Beside(str(run["version"]), str(beside["version"]), str(run["day"]), rows, difference)


def way_back(feature: str, standing: Standing, beside: Beside | None) -> str:
    """What is to be said of a rollback: proposed with its command where the version before is at
    least as good on the same labelled rows, not where it is worse, or where nobody knows."""
    earlier = list(dict.fromkeys(one.version for one in reversed(standing.moves)))[1:]
    if not earlier:
        return "there is no earlier version to go back to"
    known = beside is not None and beside.version == standing.live and beside.other in earlier
    if beside is None or not known or not beside.judged:
        return (
            f"whether version {earlier[0]} answers better is not known, so no rollback is "
            f"proposed: ai-ops evaluate {feature} --version {earlier[0]}"
        )
    numbers = ", ".join(f"{name} {beside.difference[name]:+.4f}" for name in beside.judged)
    on = f"on the {beside.rows} labelled rows of the week to {beside.day}"
    told = f"(version {beside.version} minus version {beside.other} {on}: {numbers})"
    if all(value <= 0 for value in beside.judged.values()):
        return (
            f"version {beside.other} answers at least as well {told}; a rollback is proposed: "
            f"ai-ops rollback {feature} --to {beside.other}"
        )
    return f"version {beside.other} does not answer as well {told}: no rollback is proposed"
