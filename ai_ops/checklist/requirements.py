"""The requirements of the production checklist, as data of the project."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import yaml

from ai_ops.vocabulary.errors import BadInput

FILE: Final = Path(__file__).with_name("requirements.yaml")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement, with the checks and assets that carry it while a feature runs.

    Its tests are not listed here: each names the requirement itself, in its marker.
    """

    id: str
    part: str
    text: str
    checks: tuple[str, ...]
    assets: tuple[str, ...]


def load_requirements(file: Path = FILE) -> tuple[Requirement, ...]:
    """Every requirement, in the order of the checklist.

    >>> load_requirements()[0].id
    'FR-1'
    """
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    return msgspec.convert(data, tuple[Requirement, ...])


def chosen(requirements: tuple[Requirement, ...], ids: list[str]) -> tuple[Requirement, ...]:
    """Those with these ids, each once, in the list's order; ``BadInput`` names a stranger."""
    known = [requirement.id for requirement in requirements]
    for stranger in (id for id in ids if id not in known):
        meant = [id for id in known if _plain(id) == _plain(stranger)]
        hint = f"did you mean {meant[0]}? " if meant else ""
        raise BadInput(
            f"{stranger}: no such requirement; {hint}`ai-ops requirements` lists all {len(known)}"
        )
    return tuple(requirement for requirement in requirements if requirement.id in ids)


def _plain(id: str) -> tuple[str, str]:
    part, _, number = id.upper().partition("-")
    return part, number.lstrip("0")
