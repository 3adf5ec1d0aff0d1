"""A tiny AI feature on a live root, watched by a real daemon: an installation's first day."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import dagster as dg
import yaml
from dagster._core.scheduler.instigation import InstigatorState

from ai_ops.ai_features import load_feature
from ai_ops.checklist.machinery import Sign, machinery_of
from ai_ops.checklist.reading import ITEMS, Line, read_item, window_at
from ai_ops.orchestration.running import dagster_home
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops_tests.inference_management.serving_world import NAME
from ai_ops_tests.orchestration.daemon_world import LOCATION, DaemonWorld, declared

QUARTER = timedelta(minutes=16)
"""After so long, what ticks every few seconds is dead."""


BROKEN = """
from ai_ops.retraining_pipeline import sensors

looked = sensors.watch_registry


def raising(*given):
    if Path(__file__).with_name("broken").exists():
        raise RuntimeError("a mistake of this release")
    return looked(*given)


sensors.watch_registry = raising
"""
"""A release with a mistake in what one of its sensors does, while there is a file of that name."""


def build_live(folder: Path) -> DaemonWorld:
    """A feature whose monitoring began yesterday, and nothing else."""
    root = Root.open(folder / "root", environment={})
    root.ledger.append([NewEvent("drill", NAME, {})], clock=root.clock)
    start = root.clock.now().date() - timedelta(days=1)
    file = folder / "defs" / NAME / "defs.yaml"
    file.parent.mkdir(parents=True)
    attributes = {**declared(), "monitoring": {"start": start}}
    file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": attributes}))
    (folder / "location.py").write_text(LOCATION + BROKEN)
    return DaemonWorld(folder, load_feature(file), root)


def signs(world: DaemonWorld, later: timedelta = timedelta(0)) -> dict[str, Sign]:
    """How each source stands now, or will if nothing more happens until then."""
    now = world.root.clock.now() + later
    return {one.source: one for one in machinery_of(world.root, world.feature, now)}


def dead(world: DaemonWorld, later: timedelta = timedelta(0)) -> dict[str, str]:
    """The dead sources and what is said of them."""
    return {name: one.words for name, one in signs(world, later).items() if one.state == "dead"}


def line(world: DaemonWorld, item: str, later: timedelta = timedelta(0)) -> Line:
    """One line of its checklist, now or later."""
    chosen = {one.id: one for items in ITEMS.values() for one in items}[item]
    as_of = world.root.clock.now() + later
    return read_item(world.root, world.feature, chosen, window_at(chosen.cadence, as_of), as_of)


def state_in_dagster(instance: dg.DagsterInstance, name: str) -> InstigatorState:
    """What Dagster keeps of a sensor or schedule of the feature, by its name."""
    full = f"{NAME}__{name}"
    return next(one for one in instance.all_instigator_state() if one.instigator_name == full)


def empty_event_log(world: DaemonWorld) -> int:
    """Remove every event that Dagster has logged; how many files that were."""
    files = list((dagster_home(world.root.folder) / "history").rglob("*.db*"))
    for file in files:
        with suppress(FileNotFoundError):
            file.unlink()
    return len(files)
