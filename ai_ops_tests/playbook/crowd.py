"""Roles that act on one feature at the same time, each in a process of its own."""

import random
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline import promotion
from ai_ops.storage.registry import Registry
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.errors import DecisionRefused, PromotionRefused
from ai_ops_tests.playbook.way_to_production import FORGED
from ai_ops_tests.retraining_pipeline.moving import back_token
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    SCIENTIST,
    approved,
    decided,
    gate_passed,
    happened,
    incident,
    standing,
)

ACTS: Final = 12
"""How often each role acts."""

Told = dict[str, int]


def promote_after_a_look(folder: Path, version: str, line: Connection) -> None:
    """Promote; after the first look at what is in the way, wait for a word, then go on."""
    root, look = _opened(folder), promotion.obstacles

    def looked(
        root: Root, feature: AiFeatureSpec, version: str, standing: Standing
    ) -> tuple[str, ...]:
        found = look(root, feature, version, standing)
        promotion.obstacles = look
        line.send("; ".join(found) or "nothing in the way")
        line.recv()
        return found

    promotion.obstacles = looked
    try:
        line.send(("moved", promotion.promote(root, FEATURE, version).version))
    except PromotionRefused as refused:
        line.send(("refused", str(refused)))


def act_at_random(folder: Path, role: str, seed: int, line: Connection) -> None:
    """Wait for a word, act as a role does in an order of the seed's, and say what came of it."""
    root, chance = _opened(folder), random.Random(f"{role} {seed}")
    told: Told = {"tried": 0, "moved": 0, "refused": 0}
    line.send("ready")
    line.recv()
    for _ in range(ACTS):
        try:
            ROLES[role](root, chance, told)
        except (DecisionRefused, PromotionRefused):
            continue  # another role was faster
    line.send(told)


def promoter(root: Root, chance: random.Random, told: Told) -> None:
    """Judge, approve and promote; now and then go back."""
    now, version = standing(root), chance.choice("23")
    if now.live == version and now.live:
        promotion.rollback(root, FEATURE, back_token(root, "1"))
        return
    gate_passed(root, version, now.live or "")
    approved(root, version)
    told["tried"] += 1
    try:
        promotion.promote(root, FEATURE, version)
        told["moved"] += 1
    except PromotionRefused:
        told["refused"] += 1


def holder(root: Root, chance: random.Random, told: Told) -> None:
    """Hold, and release."""
    if standing(root).holds:
        decided(root, "release", SCIENTIST, reason="go on")
    elif chance.random() < 0.5:
        decided(root, "hold", DEVOPS, reason="the labels look odd")


def answerer(root: Root, chance: random.Random, told: Told) -> None:
    """Open incidents, conclude and resolve them; what is over comes back."""
    now = standing(root)
    waiting = [one for one in now.incidents if one.state != "resolved"]
    if not waiting:
        _alert(root, now, chance)
        return
    one = chance.choice(waiting)
    if one.state == "open":
        conclusion = chance.choice(["bad_data", "false_alarm", "genuine_shift"])
        said = {"incident": one.id, "conclusion": conclusion, "note": ""}
        decided(root, "incident_concluded", SCIENTIST, **said)
    else:
        decided(root, "incident_resolved", SCIENTIST, incident=one.id, note="mended")


def forger(root: Root, chance: random.Random, told: Told) -> None:
    """Append what nobody signed."""
    by = {"by": SCIENTIST, "nonce": "0", "token": FORGED}
    happened(root, "release", **by, reason="go on")
    for one in standing(root).open_incidents:
        said = {"incident": one.id, "conclusion": "false_alarm", "note": ""}
        kind = chance.choice(["incident_concluded", "incident_resolved"])
        happened(root, kind, **by, **said)  # type: ignore[arg-type]


Role = Callable[[Root, random.Random, Told], None]
ROLES: Final[dict[str, Role]] = {
    "promoter": promoter,
    "another promoter": promoter,
    "holder": holder,
    "answerer": answerer,
    "forger": forger,
}


def _alert(root: Root, now: Standing, chance: random.Random) -> None:
    if now.incidents and chance.random() < 0.5:
        said = {"reason": "it is back", "by": "ai_ops"}
        happened(root, "incident_reopened", incident=now.incidents[0].id, **said)
    else:
        incident(root, f"drift-{len(now.incidents)}")


def _opened(folder: Path) -> Root:
    # The files of the versions are whole here, and what reads them takes seconds to import.
    Registry.load = lambda *_: None  # type: ignore[method-assign,assignment,return-value]
    return Root.open(folder, environment={})
