"""What the machine does about a drop of accuracy: is the gap there on a fresh sample, too?"""

from collections.abc import Mapping
from typing import Any, Final

from ai_ops.playbook.steps import Outcome, Scene, since_of
from ai_ops.storage.ledger import Event
from ai_ops.vocabulary.verdicts import Evidence

SAMPLED: Final = "evaluated_again"
"""The step that the evaluation of a fresh sample records, by its own job."""

_TOLD: Final[Mapping[bool | None, str]] = {
    True: "the gap is confirmed",
    False: "the gap is not confirmed",
    None: "whether the gap is there cannot be said",
}


def sample_again(scene: Scene) -> Outcome | None:
    """Pulls the newest labelled week and asks the live version again about each of its rows: the
    job `<feature>__evaluate_version`, which the sensor `fresh_sample` starts, records it."""
    if not scene.feature.trained_here:
        words = "somebody else serves this model: there is no version to ask again"
        return Outcome(words, "not_needed")
    return None


def confirm_gap(scene: Scene) -> Outcome | None:
    """Compares the fresh sample with the criteria of the gate: is the gap to the baseline there?"""
    event = _sampled(scene)
    if event is None:
        recorded = _newest(scene)
        if scene.feature.trained_here or recorded is None:
            return None
        return Outcome(f"by the labelled log alone: {recorded}")
    said = event.payload
    words = f"{_TOLD[said.get('confirmed')]} on {said.get('rows')} labelled rows"
    digest = str(said.get("dataset_digest") or "")
    source = f"{scene.feature.name}/version_evaluation of version {said.get('version')}"
    read = (Evidence(source, digest),) if digest else ()
    state: Any = "failed" if said.get("confirmed") is None else "done"
    return Outcome(words, state, read)


def _sampled(scene: Scene) -> Event | None:
    since = since_of(scene.incident)
    events = scene.root.ledger.events(scene.feature.name, {"incident_step"})
    found = [
        one
        for one in events
        if one.payload.get("step") == SAMPLED
        and one.payload.get("incident") == scene.incident.id
        and one.as_of >= since
    ]
    return found[-1] if found else None


def _newest(scene: Scene) -> str | None:
    own = [
        one
        for one in scene.verdicts()
        if one.item == scene.item and (one.partition or "") >= scene.begin
    ]
    newest = max(own, key=lambda one: one.partition or "", default=None)
    return newest.verdict.reason if newest is not None else None
