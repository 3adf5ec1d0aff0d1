"""The sensors of prediction logging: lines that came late, and writers that fell silent."""

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.cadences import attempt, is_monitored, neighbours, run_of
from ai_ops.orchestration.judging import evaluation_of, judge_and_record, moment_now
from ai_ops.orchestration.partitions import partitions_of
from ai_ops.orchestration.sensing import Answer, Job, ask, sensor_of
from ai_ops.prediction_logging.checks import WRITERS_ALIVE
from ai_ops.prediction_logging.late_lines import Seen, late_lines, state_of
from ai_ops.prediction_logging.live_writers import look_at_writers
from ai_ops.prediction_logging.source_changes import late_rows, state_of_source
from ai_ops.storage.marks import marks_of
from ai_ops.storage.root import Root

JUDGED_BY = "log_written"

LOOK_SECONDS = 10
"""How often the writers are looked at: three times while a writer's silence becomes one."""


def sensors(feature: AiFeatureSpec, daily: Job) -> list[dg.SensorDefinition]:
    """The feature's sensors of this domain; ``daily`` is the job that judges a day.

    A log that something else writes has no segments and no writers to look at.
    """
    if feature.source is not None:
        return []

    def new_segments(
        root: Root, feature: AiFeatureSpec, context: dg.SensorEvaluationContext
    ) -> Answer:
        """Lines of the log that landed after their day was judged: has that day judged again.

        A writer that was cut off hands its segments in late, and the day's verdicts were given
        without them. So it is with files of an existing log that came or changed. Days that nobody
        judged yet are the matter of the cadences' sensor.
        """
        state = (state_of if feature.source is None else state_of_source)(root, feature)
        seen = Seen.of(context.cursor)
        if seen.state == state:
            return dg.SkipReason("no segment has changed")
        marks = marks_of(root.ledger, feature.name)
        judged = {day for item, day in marks if item == JUDGED_BY and day is not None}
        look = late_lines if feature.source is None else late_rows
        late = look(root, feature, judged, seen, state)
        context.update_cursor(late.seen.cursor())
        if not late.days:
            return dg.SkipReason("every line that landed belongs to a day still to be judged")
        now = root.clock.now()
        keys = partitions_of(feature, "daily").get_partition_keys(current_time=now)
        due = [
            run_of(daily.name, group, "lines came late", attempt(now, late.digest(group)))
            for group in neighbours(late.days, keys)
        ]
        return ask(root, context, feature, due)

    found = [sensor_of(feature, "new_segments", new_segments, [daily])]
    if WRITERS_ALIVE.applies(feature):
        found.append(sensor_of(feature, "silent_writers", silent_writers, seconds=LOOK_SECONDS))
    return found


def silent_writers(
    root: Root, feature: AiFeatureSpec, context: dg.SensorEvaluationContext
) -> Answer:
    """Looks whether every declared writer is there: one that was killed, hangs or never began is
    in the ledger within three heartbeats, and an incident from there. Judged anew whenever one
    comes or goes, and once a day; it starts no run."""
    now = root.clock.now()
    if not is_monitored(feature, now):
        return dg.SkipReason(f"{feature.name} is not monitored on {now.date()}")
    seen = look_at_writers(root, feature, now)
    if context.cursor == seen.digest:
        return dg.SkipReason(f"no writer came or went: {seen.verdict.reason}")
    [recorded] = judge_and_record(root, feature, [WRITERS_ALIVE], [moment_now(now)], run_id=None)
    return dg.SensorResult(
        skip_reason=f"judged anew: {recorded.verdict.reason}",
        cursor=seen.digest,
        asset_events=[evaluation_of(feature, WRITERS_ALIVE, recorded)],
    )
