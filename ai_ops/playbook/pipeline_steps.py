"""What the machine does about a pipeline that fails: the step, the log and the cause are named."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from ai_ops.playbook.candidate_steps import how_it_failed
from ai_ops.playbook.failed_cycles import RETRAINING, broken_cycles
from ai_ops.playbook.steps import Outcome, Scene
from ai_ops.storage.retrainings import last_heard
from ai_ops.storage.standing import Retraining
from ai_ops.vocabulary.failures import LikelyCause
from ai_ops.vocabulary.verdicts import Evidence

LINES: Final = 12
"""So many lines of a log are kept with the incident; the run's page has all of them."""

AT_MOST: Final = 1500


def name_step(scene: Scene) -> Outcome:
    """Names the step that failed: data pull, training, evaluation or promotion."""
    if not is_retraining(scene):
        return Outcome(f"no retraining failed; what is amiss: {scene.incident.reason}")
    one = broken(scene)
    if one is None:
        return Outcome(scene.incident.reason)
    stage = _stage(one)
    if not stage:
        heard = f"{last_heard(one):%Y-%m-%d %H:%M}"
        return Outcome(
            f"retraining {one.id}: no step said that it failed; last heard of at {heard}"
        )
    step, part = str(stage.get("step", "an unknown step")), stage.get("part", "no step")
    where = step if part in ("no step", step) else f"{part} ({step})"
    return Outcome(f"retraining {one.id} failed at: {where}")


def read_log(scene: Scene) -> Outcome:
    """Keeps the last lines of the run's log with the incident, without secrets."""
    one = broken(scene)
    run = str(_stage(one).get("run") or "") if one is not None else ""
    if one is None or not run:
        return Outcome(f"no run wrote a log: {scene.incident.reason}", "not_needed")
    lines = scene.acts.log_of(run)[-LINES:]
    excerpt = "\n".join(lines)[-AT_MOST:] or str(_stage(one).get("error", ""))
    if not excerpt:
        return Outcome(f"the log of run {run} holds nothing to read", "failed")
    read = Evidence(f"log of run {run}", sha256(excerpt.encode()).hexdigest())
    return Outcome(f"run {run} ended with: {excerpt}", evidence=(read,))


def find_cause(scene: Scene) -> Outcome:
    """Proposes the root cause that the log, the check that stopped it, and what changed since the
    last good run tell; usually a schema or a configuration."""
    if not is_retraining(scene):
        return Outcome(f"as the check says: {scene.incident.reason}")
    one = broken(scene)
    known = _stage(one).get("likely_cause") if one is not None else None
    if one is None or not known:
        told = how_it_failed(one) if one is not None and _stage(one) else scene.incident.reason
        return Outcome(f"no cause is known: {told}", "failed")
    return Outcome(f"likely cause: {LikelyCause(**known).told}")


def guard_staleness(scene: Scene) -> Outcome:
    """Says which version serves meanwhile and since when, and counts the cycles that came to
    nothing: after more than one the incident is raised."""
    moves = scene.standing.moves
    if not moves:
        return Outcome("no version is live that could become stale", "not_needed")
    move, cycles = moves[-1], broken_cycles(scene.standing, scene.as_of)
    count = f"{len(cycles)} retraining{'s' if len(cycles) != 1 else ''}"
    return Outcome(
        f"version {move.version}, live since {move.at:%Y-%m-%d}, stays in production; "
        f"{count} in a row came to nothing, and from the second on this incident is raised"
    )


def triggered_again(scene: Scene) -> Outcome | None:
    """Whether a run went on from the failure, or a further retraining began."""
    one = broken(scene)
    since = scene.incident.opened_at
    for later in scene.standing.retrainings:
        resumed = later.stages.get("resumed")
        if resumed is not None and last_heard(later) >= since:
            words = f"retraining {later.id} goes on from its failure"
            return Outcome(words, said={"answer": "triggered"})
        if later.at >= since and (one is None or later.id != one.id):
            words = f"retraining {later.id} began"
            by = later.requested_by or "a person"
            return Outcome(words, said={"answer": "triggered", "answered_by": by})
    return None


def is_retraining(scene: Scene) -> bool:
    """Whether a retraining failed: other incidents of this kind are about what is so now."""
    return scene.item == RETRAINING


def broken(scene: Scene) -> Retraining | None:
    """The newest retraining that broke, where the incident is about one."""
    if not is_retraining(scene):
        return None
    own = [one for one in scene.standing.retrainings if _stage(one)]
    if own:
        return max(own, key=last_heard)
    silent = broken_cycles(scene.standing, scene.as_of)
    return silent[-1] if silent else None


def _stage(one: Retraining | None) -> Mapping[str, Any]:
    if one is None:
        return {}
    return one.stages.get("promotion_failed") or one.stages.get("failed") or {}
