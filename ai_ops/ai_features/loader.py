"""The one loader of an AI feature's YAML: a mistake is named with file, line, field and mend."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ai_ops.ai_features.parts import FieldsDisagree
from ai_ops.ai_features.schema import AiFeatureSpec
from ai_ops.vocabulary.errors import BadFeatureFile

COMPONENT_TYPE = "ai_ops.AiFeature"
FILE_NAME = "defs.yaml"
DEFS_VARIABLE = "AI_OPS_DEFS"
"""Names further folders of AI features, beside the project's own (separated as in ``PATH``)."""


def load_feature(path: Path) -> AiFeatureSpec:
    """The AI feature that the YAML file at ``path`` declares.

    Raises ``BadFeatureFile`` with one line a mistake, each ``file:line: field: what is wrong``.
    """
    text = _read(path)
    tree = _compose(path, text)
    data = yaml.safe_load(text)
    if not isinstance(data, dict):
        raise BadFeatureFile(
            f"{path}:1: a feature's YAML is a mapping with `type` and `attributes`"
        )
    if data.get("type") != COMPONENT_TYPE:
        raise BadFeatureFile(
            f"{path}:{_line(tree, ['type'])}: type: expected {COMPONENT_TYPE}, "
            f"found {data.get('type')!r}"
        )
    if extra := sorted(set(data) - {"type", "attributes"}):
        raise BadFeatureFile(f"{path}:{_line(tree, extra[:1])}: {extra[0]}: unknown key, remove it")
    try:
        feature = AiFeatureSpec.model_validate(data.get("attributes") or {})
    except ValidationError as error:
        raise BadFeatureFile("\n".join(_mistakes(path, tree, error))) from None
    folder = path.absolute().parent.name
    if path.name == FILE_NAME and feature.name != folder:
        raise BadFeatureFile(
            f"{path}:{_line(tree, ['attributes', 'name'])}: name: {feature.name} is not its "
            f"folder's name, {folder}; make them equal"
        )
    return feature


def find_features(folder: Path) -> dict[str, Path]:
    """The AI features below a folder: name of the folder → its YAML file, sorted."""
    files = sorted(folder.glob(f"*/{FILE_NAME}"))
    return {file.parent.name: file for file in files}


def further_folders(environment: Mapping[str, str]) -> list[Path]:
    """The folders of AI features that ``AI_OPS_DEFS`` names; ``BadFeatureFile`` for what is none.

    >>> further_folders({})
    []
    """
    named = [one for one in environment.get(DEFS_VARIABLE, "").split(os.pathsep) if one]
    folders = [Path(one).absolute() for one in named]
    for folder in folders:
        if not folder.is_dir():
            raise BadFeatureFile(f"{DEFS_VARIABLE}: {folder} is no folder; make it, or correct it")
    return folders


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadFeatureFile(f"{path}: no such file; write one, or name another folder") from None
    except OSError as error:
        raise BadFeatureFile(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadFeatureFile(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None


def _compose(path: Path, text: str) -> yaml.Node:
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadFeatureFile(f"{path}:{line}: not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise BadFeatureFile(f"{path}:{line}: not YAML: {error.reason}") from None
    if tree is None:
        raise BadFeatureFile(f"{path}:1: the file is empty")
    _refuse_what_yaml_loses(path, tree, "attributes")
    return tree


def _refuse_what_yaml_loses(path: Path, node: yaml.Node, field: str) -> None:
    # PyYAML keeps the last of two equal keys and says nothing: a silent way to lose an owner.
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise BadFeatureFile(f"{path}:{line}: {field}: a key is a plain word")
            if first := seen.get(key.value):
                raise BadFeatureFile(
                    f"{path}:{line}: {key.value}: the key stands twice (first in line {first})"
                )
            seen[key.value] = line
            _refuse_what_yaml_loses(path, value, key.value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_what_yaml_loses(path, item, field)
    try:
        yaml.SafeLoader("").construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise BadFeatureFile(f"{path}:{line}: {field}: {error.problem}") from None
    except ValueError as error:  # a date that the calendar does not have
        raise BadFeatureFile(f"{path}:{line}: {field}: {error} (found {node.value!r})") from None


def _mistakes(path: Path, tree: yaml.Node, error: ValidationError) -> list[str]:
    lines = []
    for mistake in error.errors():
        for location, words in _places(mistake):
            field = ".".join(str(part) for part in location) or "attributes"
            lines.append(f"{path}:{_line(tree, ['attributes', *location])}: {field}: {words}")
    return lines


def _places(mistake: Any) -> list[tuple[tuple[Any, ...], str]]:
    match mistake.get("ctx", {}).get("error"):
        case FieldsDisagree(mistakes=mistakes):
            return [((*mistake["loc"], *place), words) for place, words in mistakes]
    return [(tuple(mistake["loc"]), _words(mistake))]


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
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line
