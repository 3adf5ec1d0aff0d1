"""Versions trained here that answer classes or numbers: asked again, and evaluated on demand."""

import numpy as np
import pytest

from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.accuracy_evaluation.versions import evaluate_version
from ai_ops.storage.loaded_model import Answered
from ai_ops.vocabulary.errors import AiOpsError, BadInput
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.kinds_models import register, trained_here
from ai_ops_tests.accuracy_evaluation.kinds_world import DAYS, World, day_of, moment

LAST = moment(DAYS - 1)
WEEK = Window.trailing(day_of(DAYS - 2), days=7)

pytestmark = pytest.mark.requirement("MO-02", "PB-31")


@pytest.fixture(scope="module", params=["classes", "numbers"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    return trained_here(tmp_path_factory.mktemp(request.param), request.param)


def test_the_version_that_answered_gives_the_same_answers_again(world: World) -> None:
    rows = read_rows(world.root.lake, world.feature, WEEK, LAST.as_of)
    again = JudgedModels(world.root, world.feature).asked("1", rows, rows.usable)
    logged, answered = (one.answers.columns(world.feature.judged) for one in (rows, again))
    assert logged.keys() == answered.keys()
    for name, column in logged.items():
        if column.dtype == object:
            assert column.tolist() == answered[name].tolist()
        else:
            np.testing.assert_allclose(column, answered[name], rtol=1e-5)


def test_a_version_of_any_kind_is_evaluated_beside_what_was_served(world: World) -> None:
    metric = "mae" if world.feature.ground_truth.kind == "number" else "accuracy"
    same, _ = evaluate_version(world.root, world.feature, "1", WEEK, LAST.as_of)
    assert same["difference"][metric]["value"] == pytest.approx(0, abs=1e-4)
    assert same["launch"] is not None and same["measured"]["rows"] > 500
    other, _ = evaluate_version(world.root, world.feature, "2", WEEK, LAST.as_of)
    worse = other["difference"][metric]["value"]
    assert worse > 20 if metric == "mae" else worse < -0.3


def test_a_version_that_answers_something_else_is_refused_by_name(world: World) -> None:
    kind = "numbers" if world.feature.ground_truth.kind == "number" else "classes"
    rows = read_rows(world.root.lake, world.feature, WEEK, LAST.as_of)
    if kind == "classes":
        with pytest.raises(AiOpsError, match=r"has not 2 classes"):
            register(world, kind, 1.0, Answered("classes", ("ant", "bee")))
        odd = register(world, kind, 1.0, Answered("classes", ("ant", "bee", "dog")))
        with pytest.raises(BadInput, match=f"version {odd} answers no class cat"):
            JudgedModels(world.root, world.feature).asked(odd, rows, rows.usable)
        return
    with pytest.raises(AiOpsError, match="no probability"):
        register(world, kind, 1.0, Answered("score"))
    classes = world.feature.model_copy(
        update={"ground_truth": world.feature.ground_truth.model_copy(update={"kind": "binary"})}
    )
    with pytest.raises(BadInput, match="registered as answering number"):
        JudgedModels(world.root, classes).asked("1", rows, rows.usable)


@pytest.mark.parametrize(("kind", "classes"), [("classes", ()), ("score", ("ant",))])
def test_classes_are_named_where_classes_are_answered(kind: str, classes: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="classes are named where"):
        Answered(kind, classes)  # type: ignore[arg-type]
