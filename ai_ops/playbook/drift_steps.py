"""What the machine does about drift: nothing is learnt meanwhile, a sample and a cause are shown.

What drift monitoring found is read from the verdict: its findings name the cause, its evidence the
file with the rows that drove it.
"""

from collections.abc import Iterable
from typing import Final

from ai_ops.playbook.steps import Outcome, Scene
from ai_ops.storage.bad_data import bad_windows, days_of
from ai_ops.storage.retrainings import is_automated, of_run, record_stage, running
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.verdicts import Evidence, Finding, RecordedVerdict

SAMPLES: Final = "/drift_report/rows/"
"""Where the rows that drove an alert lie, below the feature's folder."""
OF_ROWS: Final = ("volume_steady", "feed_alive")
"""Checks on how many rows there are: no single row drives them."""
_ORDER: Final = ("bad_data", "genuine_shift", "undecided")


def pause_retraining(scene: Scene) -> Outcome:
    """Cancels automated retrainings that wait in the queue or run, and says so in the ledger: no
    other begins before a person concluded what it is. One that a person asked for goes on."""
    standing, incident = scene.standing, scene.incident
    if incident.state != "open":
        # What runs by now may be the retraining that the conclusion asked for.
        return Outcome("a person concluded it before anything was paused", "not_needed")
    cancelled = scene.acts.cancel_retrainings(scene.feature)
    _record_paused(scene, standing, cancelled)
    going = running(standing, scene.as_of)
    until = "nothing is retrained by itself until a person concluded what this is"
    if cancelled:
        return Outcome(f"{_runs(cancelled)} cancelled, and {until} ({incident.id})")
    if going is not None and is_automated(going):
        words = f"retraining {going.id} is paused: it stops before its next step"
        return Outcome(f"{words}, and {until}")
    return Outcome(f"no automated retraining runs or waits; {until}")


def pull_sample(scene: Scene) -> Outcome:
    """Keeps the path and digest of the rows that drove the alert, beside rows of the reference."""
    recorded = newest_failing(scene)
    if recorded is None:
        return Outcome(f"no failing verdict of {scene.item} is in the ledger", "failed")
    if sample := _sample(recorded.verdict.evidence):
        day = sample.source.rpartition("/")[2].removesuffix(".parquet")
        words = (
            f"the rows that drove it, beside rows of the reference, are in {sample.source} "
            f"(sha256 {sample.digest[:12]}…); look at them: "
            f"ai-ops drift rows {scene.feature.name} {day}"
        )
        kept = {"source": sample.source, "digest": sample.digest}
        return Outcome(words, said={"sample": kept})
    if scene.item in OF_ROWS:
        words = f"{scene.item} is about how many rows there are: none of them drove it"
        return Outcome(words, "not_needed")
    partition = recorded.partition
    words = (
        f"{scene.item} of {partition} names no rows that drove it: materialise drift_report of "
        f"{partition} again"
    )
    return Outcome(words, "failed")


def tell_cause(scene: Scene) -> Outcome:
    """Proposes a cause by the signs of the verdict: bad data or a genuine shift, and since when. It
    concludes nothing."""
    recorded = newest_failing(scene)
    if recorded is None:
        return Outcome(f"no failing verdict of {scene.item} is in the ledger", "failed")
    findings = [one for one in recorded.verdict.findings if one.status == "fail"]
    said = {}
    if begins := [one.begin for one in findings if one.begin is not None]:
        said["since"] = min(begins).date().isoformat()
    cause = _cause(findings)
    if cause is None:
        return Outcome("no sign speaks for a cause: look at the rows", said=said)
    return Outcome(f"the signs say: {cause.replace('_', ' ')}", said=said | {"cause": cause})


def learn_nothing(scene: Scene) -> Outcome:
    """Says which days are left out of every training set, because a person said that their data
    was bad."""
    windows = bad_windows(scene.feature, scene.standing, scene.as_of)
    days = days_of(windows)
    first = days[0] if days else scene.begin
    return Outcome(
        f"nothing is learnt from the bad days, from {first} to the day on which this is "
        "resolved: every training set leaves them out"
    )


def is_bad_data(scene: Scene) -> bool:
    """Whether a person concluded that the data is bad."""
    return scene.incident.conclusion == "bad_data"


def newest_failing(scene: Scene) -> RecordedVerdict | None:
    """The newest failing verdict of the alert."""
    return verdict_of(scene.verdicts(), scene.item, scene.begin)


def verdict_of(
    verdicts: Iterable[RecordedVerdict], item: str, begin: str
) -> RecordedVerdict | None:
    """The newest failing verdict of an alert that began on a day."""
    own = [
        one
        for one in verdicts
        if one.item == item and (one.partition or "") >= begin and one.verdict.status == "fail"
    ]
    return max(own, key=lambda one: one.partition or "", default=None)


def _record_paused(scene: Scene, standing: Standing, runs: Iterable[str]) -> None:
    """A run that is cancelled cannot say any more that its retraining is paused."""
    for run in runs:
        found = of_run(standing, run)
        if found is not None and found.stages.keys().isdisjoint({"paused", "evaluated", "failed"}):
            reason = f"incident {scene.incident.id} (drift) is concluded by nobody"
            record_stage(
                scene.root,
                scene.feature,
                found.id,
                "paused",
                run_id=run,
                incidents=[scene.incident.id],
                reason=reason,
            )


def _runs(runs: tuple[str, ...]) -> str:
    named = ", ".join(run[:8] for run in runs)
    return f"run {named} is" if len(runs) == 1 else f"runs {named} are"


def _cause(findings: Iterable[Finding]) -> str | None:
    causes = {one.cause for one in findings}
    return next((kind for kind in _ORDER if kind in causes), None)


def _sample(evidence: Iterable[Evidence]) -> Evidence | None:
    return next((one for one in evidence if SAMPLES in one.source), None)
