"""The one loader of an AI feature's YAML: a mistake is named with file, line, field and mend."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ai_ops.ai_features.schema import AiFeatureSpec
from ai_ops.vocabulary.errors import BadFeatureFile

COMPONENT_TYPE = "ai_ops.AiFeature"
FILE_NAME = "defs.yaml"


def load_feature(path: Path) -> AiFeatureSpec:
    """The AI feature that the YAML file at ``path`` declares.

    Raises ``BadFeatureFile`` with one line a mistake, each ``file:line: field: what is wrong``.
    """
    tree = _compose(path)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise BadFeatureFile(f"{path}:1: a feature's YAML is a mapping with `type` and `attributes`")
    if data.get("type") != COMPONENT_TYPE:
        raise BadFeatureFile(f"{path}:1: type: expected {COMPONENT_TYPE}, found {data.get('type')!r}")
    if extra := sorted(set(data) - {"type", "attributes"}):
        raise BadFeatureFile(f"{path}:{_line(tree, extra[:1])}: {extra[0]}: unknown key, remove it")
    try:
        return AiFeatureSpec.model_validate(data.get("attributes") or {})
    except ValidationError as error:
        raise BadFeatureFile("\n".join(_mistakes(path, tree, error))) from None


def find_features(folder: Path) -> dict[str, Path]:
    """The AI features below a folder: name of the folder → its YAML file, sorted."""
    files = sorted(folder.glob(f"*/{FILE_NAME}"))
    return {file.parent.name: file for file in files}


def _compose(path: Path) -> yaml.Node:
    try:
        tree = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise BadFeatureFile(f"{path}: no such file; write one, or name another folder") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadFeatureFile(f"{path}:{line}: not YAML: {error.problem}") from None
    if tree is None:
        raise BadFeatureFile(f"{path}:1: the file is empty")
    _refuse_repeated_keys(path, tree)
    return tree


def _refuse_repeated_keys(path: Path, node: yaml.Node) -> None:
    # PyYAML keeps the last of two equal keys and says nothing: a silent way to lose an owner.
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise BadFeatureFile(
                    f"{path}:{line}: {key.value}: the key stands twice (first in line {seen[key.value]})"
                )
            seen[key.value] = line
            _refuse_repeated_keys(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(path, item)


def _mistakes(path: Path, tree: yaml.Node, error: ValidationError) -> list[str]:
    lines = []
    for mistake in error.errors():
        location: list[Any] = list(mistake["loc"])
        field = ".".join(str(part) for part in location) or "attributes"
        lines.append(f"{path}:{_line(tree, ['attributes', *location])}: {field}: {_words(mistake)}")
    return lines


def _words(mistake: Any) -> str:
    match mistake["type"]:
        case "extra_forbidden":
            return "unknown key; correct its spelling or remove it"
        case "missing":
            return "missing; add it"
        case _:
            text = str(mistake["msg"]).removeprefix("Value error, ")
            value = mistake.get("input")
            return text if isinstance(value, dict | list) else f"{text} (found {value!r})"


def _line(tree: yaml.Node, location: Sequence[Any]) -> int:
    """The line (from 1) of the deepest node on the way to a location that the file has."""
    node, line = tree, tree.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line
