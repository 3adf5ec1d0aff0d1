"""The picture of a day of the log: there for whoever looks at a day, and for a range's last one."""

from datetime import timedelta
from pathlib import Path

from ai_ops.prediction_logging.completeness import Completeness
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.prediction_logging.day_part import Hour
from ai_ops.prediction_logging.day_picture import draw_day
from ai_ops.prediction_logging.incarnation import Incarnation, Missing
from ai_ops.prediction_logging.unanswered import Actions
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, NOON, World, moment, week

PNG = b"\x89PNG\r\n"


def test_of_a_range_the_last_day_is_drawn(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open_log() as log:
        world.write(log, "a")
    told = compute_log_completeness(world.root, FEATURE, week())
    drawn = [day for day, summary in told.items() if summary.picture is not None]
    assert drawn == [week()[-1].partition]
    single = compute_log_completeness(world.root, FEATURE, [moment()])[DAY].picture
    assert single is not None
    assert single.startswith(PNG)


def test_a_day_with_losses_and_crashes_of_many_writers_and_an_empty_one_are_drawn() -> None:
    lost = Missing(first=4, last=6, told_by="the next line", after=NOON)
    many = [
        Incarnation(
            writer=f"web-{number}",
            incarnation=f"i{number}",
            ended="crashed" if number % 5 == 0 else "open",
            alive=((NOON - timedelta(hours=20), NOON + timedelta(hours=number)),),
            missing=(lost,) if number == 29 else (),
        )
        for number in range(30)
    ]
    empty = Completeness(
        feature="tiny",
        day=DAY,
        records=None,
        torn=0,
        quarantined=0,
        duplicates=0,
        incarnations=(),
        user_actions=Actions(n=0, without_prediction=0),
        predictions_without_action=0,
    )
    full = Completeness(
        **{
            **{name: getattr(empty, name) for name in empty.__struct_fields__},
            "incarnations": tuple(many),
            "logged": {"web-1": {f"{DAY}T12": Hour(9, 9)}},
        }
    )
    for known in (empty, full):
        assert draw_day(known, Window.of_day(DAY)).startswith(PNG)
