"""What stands behind the version that answered: registry, approval, gate; was it live?"""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.answering_versions import Reign, allowed
from ai_ops.prediction_logging.version_report import grace_of
from ai_ops.retraining_pipeline.launch_obstacles import LIST_ASSET
from ai_ops.storage.gate_verdicts import GATE_ASSET
from ai_ops.storage.in_force import live_version
from ai_ops.storage.registry import ModelVersion
from ai_ops.storage.root import Root
from ai_ops.storage.standing import FOLDED, Move, Standing, fold
from ai_ops.vocabulary.errors import AiOpsError
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.words import GATE_CHECKS

WHOSE: Final = {
    "own_model": "trained and served by the team",
    "provider_api": "a provider's, behind its API: no registry, promotion or gate of its is here",
    "external": "somebody else's: who trains it, promotes it and judges it is not known here",
}


class Versions:
    """The books on the versions of one feature, each read once."""

    def __init__(self, root: Root, feature: AiFeatureSpec) -> None:
        self._root, self._feature = root, feature

    def explained(self, version: str | None, at: datetime) -> tuple[dict[str, Any], list[str]]:
        """Everything known of the version of a prediction made ``at`` then, and what is missing."""
        told: dict[str, Any] = {
            "version": version,
            "served_by": self._feature.served_by,
            "whose": WHOSE[self._feature.served_by],
        }
        if version is None:
            return told, ["the record names no model version"]
        if not self._feature.trained_here:
            return told, [f"version {version} is {told['whose']}"]
        registered, missing = self._registered(version)
        own = [move for move in self.standing.moves if move.version == version]
        move = next((one for one in reversed(own) if one.at <= at), own[0] if own else None)
        told |= {
            "registered": registered,
            "moves": [_move(one) for one in own],
            "in_production_since": move.at.isoformat() if move and move.at <= at else None,
        }
        if move is None:
            missing.append(f"version {version} was never launched or promoted, by the ledger")
            return told | {"approval": None, "gate": None, "passed": []}, missing
        if move.at > at:
            missing.append(
                f"version {version} was not in production yet: its {move.kind} came on "
                f"{move.at:%Y-%m-%d %H:%M}"
            )
        then = fold(event for event in self.events if (event.block_seq, event.idx) <= move.place)
        passed = [_verdict(one) for one in self._passed(version, _brought_by(own, move))]
        if not passed:
            missing.append(f"no verdict on version {version} stands before its {move.kind}")
        told |= {"approval": _approval(then, version), "gate": _gate(then), "passed": passed}
        missing += [] if told["approval"] else [f"nobody's approval of version {version} stands"]
        missing += [] if told["gate"] else [f"no gate was frozen when {version} was brought live"]
        return told, missing

    def live_at(self, version: str | None, at: datetime) -> dict[str, Any]:
        """Which version was live at a moment, and whether the record agrees."""
        if not self._feature.trained_here:
            reason = "no book here tells which version was live: the log's word is all there is"
            return {"version": None, "since": None, "agrees": None, "reason": reason}
        try:
            live = live_version(self._root, self._feature.name, at)
        except AiOpsError as error:
            return {"version": None, "since": None, "agrees": None, "reason": str(error)}
        if live is None:
            reason = "nothing was launched, and the registry names no version in rehearsal"
            return {"version": None, "since": None, "agrees": None, "reason": reason}
        first = live_version(self._root, self._feature.name, datetime.min.replace(tzinfo=at.tzinfo))
        reigns = [Reign(first.version, None)] if first is not None else []
        reigns += [Reign(move.version, move.at) for move in self.standing.moves]
        agrees = any(
            span.version == version
            and (span.begin is None or span.begin <= at)
            and (span.end is None or at <= span.end)
            for span in allowed(reigns, grace_of(self._root, self._feature))
        )
        since = f"since {live.since:%Y-%m-%d %H:%M}" if live.since else "in rehearsal"
        words = "the record agrees" if agrees else f"the record names version {version}"
        return {
            "version": live.version,
            "since": live.since.isoformat() if live.since else None,
            "agrees": agrees,
            "reason": f"version {live.version} was live, {since}; {words}",
        }

    @cached_property
    def events(self) -> list[Any]:
        """The decisions and moves, in the order of the ledger."""
        return self._root.ledger.events(feature=self._feature.name, kinds=FOLDED)

    @cached_property
    def standing(self) -> Standing:
        """How the feature stands by all of the ledger."""
        return fold(self.events)

    @cached_property
    def _registry(self) -> dict[str, ModelVersion] | str:
        try:
            versions = self._root.registry.versions(self._feature.name)
        except AiOpsError as error:
            return str(error)
        return {one.version: one for one in versions}

    def _registered(self, version: str) -> tuple[dict[str, Any] | None, list[str]]:
        known = self._registry
        if isinstance(known, str):
            return None, [known]
        if version not in known:
            return None, [f"version {version} is not in the registry"]
        one = known[version]
        told = {
            "registered_at": one.created_at.isoformat(),
            "training_data_digest": one.dataset_digest or None,
            "metrics": dict(one.metrics),
            "run_id": one.run_id,
            "model_sha256": one.params.get("sha256.model"),
        }
        return told, [] if one.dataset_digest else [f"the training data of {version} is not named"]

    def _passed(self, version: str, move: Move) -> Iterable[RecordedVerdict]:
        """The verdicts by which a version came to production: the list's, or the gate's."""
        if move.kind == "launch":
            yield from self._root.ledger.verdicts(
                self._feature.name, as_of=move.at, assets=[LIST_ASSET]
            )
            return
        for item in GATE_CHECKS:
            own = [
                one
                for one in self._gate_verdicts[item]
                if one.verdict.observed.get("version") == version and one.as_of <= move.at
            ]
            yield from own[-1:]

    @cached_property
    def _gate_verdicts(self) -> dict[str, list[RecordedVerdict]]:
        return {
            item: [
                one
                for one in self._root.ledger.history(self._feature.name, item)
                if one.asset == GATE_ASSET
            ]
            for item in GATE_CHECKS
        }


def _brought_by(own: list[Move], move: Move) -> Move:
    """The launch or promotion that a rollback goes back to."""
    return next((one for one in own if one.kind != "rollback"), move)


def _move(move: Move) -> dict[str, Any]:
    return {
        "kind": move.kind,
        "at": move.at.isoformat(),
        "by": move.by,
        "previous": move.previous,
        "gate_hash": move.gate_hash,
        "reason": move.reason,
    }


def _approval(then: Standing, version: str) -> dict[str, Any] | None:
    found = then.approvals.get(version)
    if found is None:
        return None
    return {
        "approved": found.approved,
        "by": found.by,
        "at": found.at.isoformat(),
        "gate_hash": found.gate_hash,
        "reason": found.reason,
    }


def _gate(then: Standing) -> dict[str, Any] | None:
    if then.gate is None:
        return None
    return {
        "hash": then.gate.hash,
        "by": then.gate.by,
        "at": then.gate.at.isoformat(),
        "criteria": dict(then.gate.criteria),
    }


def _verdict(one: RecordedVerdict) -> dict[str, Any]:
    return {
        "item": one.item,
        "status": one.verdict.status,
        "as_of": one.as_of.isoformat(),
        "reason": one.verdict.reason,
    }
