"""Files of a lake where they differ by place: a folder of this machine, or an object store."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from ai_ops.vocabulary.errors import LakeUnreachable

ENDPOINT_VARIABLE: Final = "AWS_ENDPOINT_URL"

_FRESH: Final = ".fresh"
_NETWORK: Final = frozenset({"botocore", "aiobotocore", "aiohttp"})
"""The libraries behind s3fs, by name: a lake in a folder needs none of them installed."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as a listing shows it; ``state`` differs once it was written anew."""

    size: int
    state: str


def options_for(url: str, environment: Mapping[str, str]) -> dict[str, Any] | None:
    """What fsspec is told besides the address; keys and regions are found by botocore itself.

    >>> options_for("/data/lake", {}) is None
    True
    >>> options_for("s3://b/lake", {"AWS_ENDPOINT_URL": "http://store:9000"})["endpoint_url"]
    'http://store:9000'
    """
    if "://" not in url:
        return None
    # Other processes write meanwhile, and one that cannot be reached must say so soon.
    options: dict[str, Any] = {
        "use_listings_cache": False,
        "config_kwargs": {
            "connect_timeout": 5,
            "read_timeout": 60,
            "retries": {"max_attempts": 2},
        },
    }
    if endpoint := environment.get(ENDPOINT_VARIABLE):
        options["endpoint_url"] = endpoint
    return options


def local_listing(folder: str) -> Iterator[tuple[str, Stored]]:
    """Every file below a folder by its path from there; what is still being written is left out."""
    try:
        for entry in os.scandir(folder):
            if entry.is_dir():
                for name, stored in local_listing(entry.path):
                    yield f"{entry.name}/{name}", stored
            elif not entry.name.endswith(_FRESH):
                found = entry.stat()
                yield entry.name, Stored(found.st_size, str(found.st_mtime_ns))
    except FileNotFoundError:
        return  # nothing was written there, or it went while it was listed
    except OSError as error:
        raise LakeUnreachable(f"{folder}: cannot be read ({error.strerror})") from error


def local_folders(folder: str) -> list[str]:
    """The names of the folders in a folder, sorted."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LakeUnreachable(f"{folder}: cannot be read ({error.strerror})") from error


@contextmanager
def replacing(path: str) -> Iterator[str]:
    """A file to write beside ``path``: it takes that name at the end, or is never looked at."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fresh = f"{path}.{os.getpid()}{_FRESH}"
    yield fresh
    os.replace(fresh, path)


@contextmanager
def reached(path: str, remote: bool = True) -> Iterator[None]:
    """What fails on the way to an object store is ``LakeUnreachable``; a missing file is itself."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        library = type(error).__module__.split(".")[0]
        if remote and (isinstance(error, OSError) or library in _NETWORK):
            raise LakeUnreachable(f"{path}: the lake does not answer ({error})") from error
        raise


def in_bucket(path: str, ask: Callable[[], Any]) -> Any:
    """The answer of an object store to a write or a listing; what it can miss is the bucket."""
    try:
        return ask()
    except FileNotFoundError as error:
        raise LakeUnreachable(f"{path}: {error}; is it the right bucket?") from error
