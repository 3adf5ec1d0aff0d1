"""A model card: what a version is, what it was trained on, who let it answer, what it passed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.errors import AiOpsError
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.words import GATE_CHECKS

_ESCAPED: Final = r"\`*_{}[]()<>#!|"


def model_card(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing, rows: int | None
) -> dict[str, Any]:
    """What registry and ledger tell of a version; ``unknown`` says what neither does.

    ``rows`` is how many predictions of the span name it.
    """
    approval = standing.approvals.get(version)
    registered, unknown = _registered(root, feature, version)
    return {
        "feature": feature.name,
        "version": version,
        "predictions_in_span": rows,
        "served_by": feature.served_by,
        "registered": registered,
        "moves": [
            {
                "kind": move.kind,
                "version": move.version,
                "previous": move.previous,
                "at": move.at.isoformat(),
                "by": move.by,
                "reason": move.reason,
                "metrics": dict(move.metrics),
                "gate_hash": move.gate_hash,
                "block": move.place[0],
            }
            for move in standing.moves
            if version in (move.version, move.previous)
        ],
        "decision": approval
        and {
            "approved": approval.approved,
            "by": approval.by,
            "at": approval.at.isoformat(),
            "reason": approval.reason,
            "gate_hash": approval.gate_hash,
            "block": approval.place[0],
        },
        "gate": _gate(root, feature, version),
        "unknown": unknown,
    }


def as_markdown(card: Mapping[str, Any]) -> str:
    """A card as people read it."""
    registered = card["registered"] or {}
    lines = [
        f"# {_plain(card['feature'])}, version {_plain(card['version'])}",
        "",
        f"Predictions of the span that name it: {_or_unknown(card['predictions_in_span'])}.",
        *(f"\n{_plain(words)}" for words in card["unknown"]),
    ]
    if registered:
        digest = _plain(registered["dataset_digest"])
        lines += ["", f"Registered {registered['created_at']}, trained on the data {digest}."]
        metrics = registered["metrics"].items()
        lines += ["", "| metric at registration | |", "|---|---|"]
        lines += [f"| {_plain(name)} | {value:.6g} |" for name, value in sorted(metrics)]
        lines += ["", "| input | type | may be missing |", "|---|---|---|"]
        lines += [
            f"| {_plain(one['name'])} | {one['type']} | {'yes' if one['nullable'] else 'no'} |"
            for one in registered["inputs"]
        ]
    lines += ["", "| moved | to version | from | by | why |", "|---|---|---|---|---|"]
    lines += [
        f"| {move['at'][:16]} {move['kind']} | {_plain(move['version'])} | "
        f"{_plain(move['previous'] or '–')} | {_plain(move['by'])} | {_plain(move['reason'])} |"
        for move in card["moves"]
    ]
    if decision := card["decision"]:
        words = "Approved" if decision["approved"] else "Rejected"
        lines += ["", f"{words} by {_plain(decision['by'])} at {decision['at'][:16]}: "]
        lines[-1] += _plain(decision["reason"])
    lines += ["", "| gate | verdict | reason |", "|---|---|---|"]
    lines += [
        f"| {one['item']} ({one['as_of'][:10]}) | {one['status']} | {_plain(one['reason'])} |"
        for one in card["gate"]
    ]
    return "\n".join(lines) + "\n"


def _registered(
    root: Root, feature: AiFeatureSpec, version: str
) -> tuple[dict[str, Any] | None, list[str]]:
    if not feature.trained_here:
        return None, ["somebody else trains the model: no registry here holds its versions"]
    try:
        found = root.registry.version(feature.name, version)
        inputs = root.registry.inputs(feature.name, version)
    except AiOpsError as error:  # the card is of what was logged, whatever became of the model
        return None, [f"the registry does not tell of it: {error}"]
    return {
        "created_at": found.created_at.isoformat(),
        "metrics": dict(found.metrics),
        "dataset_digest": found.dataset_digest,
        "aliases": list(found.aliases),
        "params": dict(found.params),
        "tags": dict(found.tags),
        "size_bytes": found.size_bytes,
        "inputs": [
            {"name": one.name, "type": one.type, "nullable": one.nullable} for one in inputs
        ],
    }, []


def _gate(root: Root, feature: AiFeatureSpec, version: str) -> list[dict[str, Any]]:
    """The gate's last verdicts on a version."""
    last: dict[str, RecordedVerdict] = {}
    verdicts: Sequence[RecordedVerdict] = [
        one for check in GATE_CHECKS for one in root.ledger.history(feature.name, check)
    ]
    for one in verdicts:
        if one.verdict.observed.get("version") == version:
            last[one.item] = one
    return [
        {
            "item": one.item,
            "status": one.verdict.status,
            "reason": one.verdict.reason,
            "as_of": one.as_of.isoformat(),
            "sample_size": one.verdict.sample_size,
            "observed": dict(one.verdict.observed),
        }
        for one in last.values()
    ]


def _or_unknown(count: int | None) -> str:
    return "none" if count is None else f"{count:,}"


def _plain(text: str) -> str:
    # What a person or a model wrote must not become markup, nor end a row.
    flat = " ".join(str(text).split())
    return "".join(f"\\{c}" if c in _ESCAPED else c for c in flat)
