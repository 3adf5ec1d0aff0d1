"""The public keys that whoever verifies a bundle brings along, from a file or a feature's YAML."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ai_ops.storage.signatures import is_public_key
from ai_ops.vocabulary.errors import BadInput

Keys = dict[str, set[str]]


def keys_in(files: Iterable[Path], yaml_files: Iterable[Path] = ()) -> Keys:
    """Each person's public keys, from files of keys and from YAML of features."""
    keys: Keys = {}
    for file in files:
        for person, key in _read(file):
            keys.setdefault(person, set()).add(key)
    for file in yaml_files:
        for person, key in _owners(file):
            keys.setdefault(person, set()).add(key)
    return keys


def _read(file: Path) -> Iterator[tuple[str, str]]:
    """The keys of a file: a person's ``.pub``, lines ``EMAIL KEY``, or JSON of ``identity show``.

    ``BadInput`` for a file without any, and for what is no Ed25519 public key.
    """
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: cannot be read: {error}") from None
    found = list(_in_json(file, text) if text.startswith("{") else _in_lines(file, text))
    if not found:
        raise BadInput(f"{file}: no key in it; write one a line: EMAIL KEY")
    for person, key in found:
        if not is_public_key(key):
            raise BadInput(f"{file}: {person}: {key!r} is no Ed25519 public key in base64")
    return iter(found)


def _in_lines(file: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        match line.split("#")[0].split():
            case []:
                pass
            case [key] if file.suffix == ".pub":
                yield file.stem, key
            case [person, key]:
                yield person, key
            case _:
                raise BadInput(f"{file}:{number}: write EMAIL KEY (found {line!r})")


def _in_json(file: Path, text: str) -> Iterator[tuple[str, str]]:
    try:
        yield from _pairs(json.loads(text))
    except (ValueError, TypeError) as error:
        raise BadInput(
            f"{file}: no keys as ai-ops identity show --json has them ({error})"
        ) from None


def _pairs(said: Any) -> Iterator[tuple[str, str]]:
    """The keys of ``{"person": …, "public_key": …}``, or of a mapping of people to keys."""
    if "person" in said and "public_key" in said:
        yield str(said["person"]), str(said["public_key"])
        return
    for person, keys in said.items():
        for key in [keys] if isinstance(keys, str) else list(keys):
            yield str(person), str(key)


def _owners(file: Path) -> Iterator[tuple[str, str]]:
    # Whoever verifies with keys alone needs none of what a feature's schema does.
    from ai_ops.ai_features import load_feature
    from ai_ops.ai_features.schema import OWNED_DOMAINS

    feature = load_feature(file)
    owners = [feature.owner_of(domain) for domain in OWNED_DOMAINS]
    found = [pair for owner in owners for pair in owner.public_keys.items()]
    found += [(one.person, one.key) for owner in owners for one in owner.retired_keys]
    if not found:
        raise BadInput(f"{file}: owners: no public_keys in it; give them with --keys")
    return iter(found)
