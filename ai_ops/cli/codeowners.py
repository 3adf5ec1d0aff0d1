"""The CODEOWNERS file: folders of the project, owned by whoever is accountable for their domain."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.vocabulary.words import Domain

HEAD: Final = """\
# Who is asked to look at a change: `ai-ops owners --codeowners > CODEOWNERS`.
# Owners stand in the features' files; the last line that matches a path counts.
"""
PACKAGE: Final = Path(__file__).parents[1]

FOLDERS: Final[Mapping[str, tuple[Domain, ...]]] = {
    "prediction_logging": ("prediction_logging",),
    "client": ("prediction_logging",),
    "drift_monitoring": ("drift_monitoring",),
    "accuracy_evaluation": ("accuracy_evaluation",),
    "retraining_pipeline": ("retraining_pipeline",),
    "inference_management": ("inference_management",),
    "checklist": OWNED_DOMAINS,
    "playbook": OWNED_DOMAINS,
}
"""The folders of the package that a domain, or all of them, answer for."""

TRAINED: Final[tuple[Domain, ...]] = ("retraining_pipeline", "accuracy_evaluation")
"""Whose a feature's own code is: one runs what the other judges."""


def codeowners(features: Mapping[Path, AiFeatureSpec], base: Path) -> str:
    """The file for a checkout that begins at ``base``: of what lies below it, each feature by its
    folder. What concerns several features has the owners of all."""
    return HEAD + "".join(f"{line}\n" for line in _lines(features, base))


def _lines(features: Mapping[Path, AiFeatureSpec], base: Path) -> Iterator[str]:
    specs = list(features.values())
    for name, domains in FOLDERS.items():
        for place in (PACKAGE / name, PACKAGE.parent / f"{PACKAGE.name}_tests" / name):
            if place.is_dir() and place.is_relative_to(base):
                yield _line(place, base, _people(specs, domains))
    for path in sorted(features):
        folder, spec = path.absolute(), features[path]
        if folder.is_relative_to(base):
            yield _line(folder, base, _people([spec], TRAINED))
            yield _line(folder, base, _people([spec], OWNED_DOMAINS), "defs.yaml")


def _line(folder: Path, base: Path, people: list[str], file: str = "") -> str:
    place = folder.relative_to(base).as_posix().replace(" ", "\\ ")
    return f"/{place}/{file} {' '.join(people)}"


def _people(specs: list[AiFeatureSpec], domains: tuple[Domain, ...]) -> list[str]:
    found = [spec.owner_of(domain).accountable for domain in domains for spec in specs]
    return list(dict.fromkeys(found))
