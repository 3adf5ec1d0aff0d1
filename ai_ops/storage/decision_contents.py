"""What each kind of decision must say, checked before it is signed and before it is believed."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, get_args

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.gate import Gate
from ai_ops.storage.threshold_changes import allowances_wrong
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import Cadence, Conclusion, Domain, EventKind, Mode, Reviewed

WAIVED_AT_MOST: Final = timedelta(days=366)

_FIELDS: Mapping[EventKind, tuple[str, ...]] = {
    "gate_freeze": ("gate", "hash"),
    "gate_amendment": ("gate", "hash", "reason"),
    "approval": ("version", "gate_hash", "reason"),
    "rejection": ("version", "gate_hash", "reason"),
    "launch": ("version", "reason"),
    "rollback": ("version", "reason"),
    "threshold_change": (
        "decision",
        "month",
        "proposal",
        "reference",
        "version",
        "before",
        "after",
        "back_test",
        "reason",
    ),
    "drill": ("drill", "id", "digest"),
    "hold": ("reason",),
    "release": ("reason",),
    "waiver": ("item", "domain", "reason", "until"),
    "sign_off": ("item", "domain", "cadence", "partition", "note", "shown"),
    "review": ("item", "domain", "begin", "note"),
    "incident_acknowledged": ("incident",),
    "incident_concluded": ("incident", "conclusion", "note"),
    "incident_resolved": ("incident", "note"),
    "incident_answered": ("incident", "question", "answer", "note"),
    "call_site_mode": ("call_site", "mode", "reason"),
    "environment_lock": ("digest", "reason"),
}
_MAY_BE_EMPTY: Final = frozenset({"partition", "note", "shown"})
_NO_TEXT: Final = frozenset({"gate", "before", "after"})


def check_content(
    kind: EventKind, content: Mapping[str, Any], feature: AiFeatureSpec, now: datetime
) -> None:
    """Raise ``BadInput``, naming the field, unless the content says exactly what its kind must."""
    if kind not in _FIELDS:
        known = ", ".join(sorted(_FIELDS))
        raise BadInput(f"{kind}: no person decides that; a decision is one of: {known}")
    fields = _FIELDS[kind]
    if surplus := sorted(set(content) - set(fields)):
        raise BadInput(f"{kind}: {surplus[0]}: no such field (it has: {', '.join(fields)})")
    for name in fields:
        value = content.get(name)
        if name in _NO_TEXT:
            continue
        if value is None and name in _MAY_BE_EMPTY:
            continue
        if not isinstance(value, str) or (not value.strip() and name not in _MAY_BE_EMPTY):
            raise BadInput(f"{kind}: {name}: say it in a text (found {value!r})")
        if not _printable(value):
            raise BadInput(f"{kind}: {name}: not a text in UTF-8 (found {value!r})")
        if name in _CHECKED:
            _CHECKED[name](kind, value, now)
    if "gate" in fields:
        _check_gate(kind, content)
    if kind == "threshold_change" and (wrong := allowances_wrong(content, feature)):
        raise BadInput(f"{kind}: {wrong}")


def _check_gate(kind: EventKind, content: Mapping[str, Any]) -> None:
    try:
        gate = Gate.model_validate(content.get("gate"))
    except ValueError as error:
        raise BadInput(f"{kind}: gate: not the criteria of a gate: {error}") from None
    if gate.digest != content.get("hash"):
        raise BadInput(f"{kind}: hash: not that of the criteria ({gate.digest})")


def _printable(text: str) -> bool:
    """Whether a text can be shown: a lone surrogate, as of an argument in Latin-1, can not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _until(kind: EventKind, value: str, now: datetime) -> None:
    day = _day(kind, value, now, "until")
    if not now.date() <= day <= now.date() + WAIVED_AT_MOST:
        raise BadInput(
            f"{kind}: until: a day from {now.date()} on, at most {WAIVED_AT_MOST.days} days ahead "
            f"(found {value})"
        )


def _begin(kind: EventKind, value: str, now: datetime) -> None:
    _day(kind, value, now, "begin")


def _month(kind: EventKind, value: str, now: datetime) -> None:
    if _day(kind, value, now, "month").day != 1:
        raise BadInput(f"{kind}: month: the first day of a month (found {value})")


def _day(kind: EventKind, value: str, _now: datetime, name: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise BadInput(f"{kind}: {name}: a day as YYYY-MM-DD (found {value!r})") from None


def _one_of(name: str, words: Any) -> Callable[[EventKind, str, datetime], None]:
    allowed = get_args(words)

    def check(kind: EventKind, value: str, _now: datetime) -> None:
        if value not in allowed:
            raise BadInput(f"{kind}: {name}: one of {', '.join(allowed)} (found {value!r})")

    return check


_CHECKED: Mapping[str, Callable[[EventKind, str, datetime], None]] = {
    "until": _until,
    "begin": _begin,
    "month": _month,
    "decision": _one_of("decision", Reviewed),
    "conclusion": _one_of("conclusion", Conclusion),
    "mode": _one_of("mode", Mode),
    "cadence": _one_of("cadence", Cadence),
    "domain": _one_of("domain", Domain),
}
