"""The demo's launch without waivers: load test and rollback drill, really run and signed."""

from collections.abc import Callable
from dataclasses import dataclass

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.jobs import pre_launch_job_name
from ai_ops.cli.demo_people import People
from ai_ops.cli.drill_load import recorded_verdict
from ai_ops.cli.drill_rollback import judged
from ai_ops.inference_management.load_test import Asked, run_load_test
from ai_ops.inference_management.rollback_drill import Hands
from ai_ops.inference_management.rollback_reports import compute_rollback_drill, sign
from ai_ops.orchestration.running import Runner
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict


@dataclass(frozen=True)
class Drills:
    """What is tried before a launch; ``tells`` is given words for a progress bar."""

    root: Root
    feature: AiFeatureSpec
    people: People
    tells: Callable[[str], None] = lambda _: None

    def run(self) -> tuple[Verdict, ...]:
        """Load the endpoint and drill the way back, as the person who runs the service would, and
        judge both; the verdicts, as they stand in the ledger."""
        tells = self.tells
        _, made = run_load_test(
            self.root,
            self.feature,
            Asked(),
            lambda done, total, phase: tells(f"load test: {phase} ({done} of {total})"),
        )
        loaded = recorded_verdict(self.root, self.feature, made)
        hands = Hands(tells=lambda words: tells(f"rollback drill: {words}"))
        made = compute_rollback_drill(self.root, self.feature, hands)
        sign(self.root, self.feature, self.people.runs_the_service)
        return loaded.verdict, judged(self.root, self.feature, made).verdict


def again(drills: Drills, runner: Runner) -> None:
    """Run the drills for a feature that was launched with waivers, and judge its list anew."""
    drills.run()
    runner.run(pre_launch_job_name(drills.feature))
