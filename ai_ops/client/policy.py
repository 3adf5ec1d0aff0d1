"""How an application logs one AI feature, as a small file that its digest vouches for.

The file is written from the feature's YAML, so that an application needs neither YAML nor pydantic
to follow it; the digest stands in every segment and heartbeat.
"""

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import FieldRule, OnLogFailure

FORMAT: Final = 1

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Seconds = Annotated[float, msgspec.Meta(gt=0)]
_Bytes = Annotated[int, msgspec.Meta(ge=0)]


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of each field, and what is done when a prediction cannot be written.

    ``fields`` names inputs, outputs, ``subject`` and ``tenant``; what it does not name is kept.
    A segment ends after ``segment_seconds`` or ``segment_bytes``; ``emergency_bytes`` are
    reserved for the time when the disk is full. ``sampling`` is the share that is logged.
    """

    format: Literal[1] = FORMAT
    feature: str
    fields: dict[str, FieldRule] = {}
    on_log_failure: OnLogFailure = "refuse"
    sampling: _Share = 1.0
    heartbeat_seconds: _Seconds = 10.0
    segment_seconds: _Seconds = 300.0
    segment_bytes: Annotated[int, msgspec.Meta(ge=4096)] = 64 * 1024 * 1024
    emergency_bytes: _Bytes = 1024 * 1024

    @property
    def digest(self) -> str:
        """What the policy is known by in segments and heartbeats: 16 hexadecimal digits.

        >>> Policy(feature="tiny").digest == Policy(feature="tiny").digest
        True
        >>> Policy(feature="tiny").digest == Policy(feature="tiny", sampling=0.5).digest
        False
        """
        return sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]

    def dump(self) -> bytes:
        """The content of its file: the policy and its digest."""
        data = {"policy": msgspec.to_builtins(self), "digest": self.digest}
        return msgspec.json.format(msgspec.json.encode(data, order="deterministic"), indent=1)


def load_policy(path: Path | str) -> Policy:
    """The policy of a file; ``BadInput`` when it is absent, altered or not one."""
    try:
        data: Any = msgspec.json.decode(Path(path).read_bytes())
        policy = msgspec.convert(data["policy"], Policy)
        stamped = data["digest"]
    except OSError as error:
        raise BadInput(f"{path}: the logging policy cannot be read ({error.strerror})") from error
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: not a logging policy ({error}); {_MEND}") from error
    if stamped != policy.digest:
        raise BadInput(f"{path}: altered after it was written (digest {stamped}); {_MEND}")
    return policy


_MEND: Final = "write it again with `ai-ops features export-client`"
