"""The pictures of a load test: what a cold start takes, latency over time, memory over predictions,
latency over rate."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.inference_management.load.course import Course
from ai_ops.inference_management.load_test_phases import Measured
from ai_ops.inference_management.load_test_records import PHASES, ColdStart, Saturation

SINGLE, BATCH, FAILED, PROMISED = "#c2410c", "#1d4ed8", "#000000", "#6b7280"


def draw_all(
    feature: str,
    measured: Measured,
    held: Sequence[tuple[float, float]],
    cold: ColdStart | None,
    promised_ms: float,
) -> Mapping[str, bytes]:
    """Every picture of a test as a PNG, by its name; ``held`` is memory over predictions."""
    pictures: dict[str, bytes] = {}
    if cold is not None:
        pictures["cold_start"] = draw_cold_start(f"{feature}: cold start", cold)
    for name in PHASES:
        courses = [
            (mode, course, rows) for phase, mode, course, rows in measured.courses if phase == name
        ]
        if courses:
            pictures[name] = draw_phase(f"{feature}: {name}", courses, promised_ms)
    if held:
        pictures["memory"] = draw_memory(f"{feature}: memory", held)
    if measured.steps:
        pictures["saturation"] = draw_saturation(
            f"{feature}: saturation", measured.saturation, promised_ms
        )
    return pictures


def draw_cold_start(title: str, cold: ColdStart) -> bytes:
    """The seconds from the start of the process to its first answer, in their parts."""
    figure, axes = _sheet(title, "seconds since the process was started", "", height=1.6)
    load = cold.model_load_seconds or 0.0
    left = 0.0
    for name, colour, seconds in (
        ("start and imports", PROMISED, cold.healthy_seconds - load),
        ("the model is loaded", BATCH, load),
        ("first prediction", SINGLE, cold.answered_seconds - cold.healthy_seconds),
    ):
        axes.barh([0], [seconds], left=left, color=colour, height=0.5, label=name)
        left += seconds
    axes.set_yticks([])
    axes.set_ylim(-0.5, 0.5)
    return _png(figure, axes)


def draw_phase(title: str, courses: Sequence[tuple[str, Course, int]], promised_ms: float) -> bytes:
    """Each request's latency at the moment it was to be sent; those that failed as crosses."""
    figure, axes = _sheet(title, "seconds", "ms from the intended moment")
    begin = min((c.requests[0].intended for _, c, _ in courses if c.requests), default=0.0)
    for mode, course, rows in courses:
        colour = SINGLE if mode == "sync" else BATCH
        name = "single" if mode == "sync" else f"batches of {rows}"
        _dots(axes, course.answered, begin, colour, ".", name)
        _dots(axes, course.failed, begin, FAILED, "x", f"{name}, failed")
        axes.axhline(
            promised_ms * rows,
            color=colour,
            linewidth=0.8,
            linestyle="--",
            label=f"{promised_ms * rows:g} ms promised",
        )
    axes.set_yscale("log")
    return _png(figure, axes)


def draw_memory(title: str, held: Sequence[tuple[float, float]]) -> bytes:
    """What the server and its workers held, over the predictions that were answered."""
    figure, axes = _sheet(title, "predictions", "MB resident")
    axes.plot([at for at, _ in held], [mb for _, mb in held], color=SINGLE, linewidth=1.2)
    axes.set_ylim(0, 1.15 * max(mb for _, mb in held) or 1.0)  # else a flat line looks like a leak
    return _png(figure, axes)


def draw_saturation(title: str, saturation: Saturation, promised_ms: float) -> bytes:
    """The p50 and p99 at each rate that was tried; what was not held as a cross."""
    figure, axes = _sheet(title, "requests a second", "ms from the intended moment")
    steps = sorted(saturation.steps, key=lambda step: step.traffic.rate)
    rates = [step.traffic.rate for step in steps]
    axes.plot(rates, [s.traffic.p50_ms for s in steps], color=BATCH, marker=".", label="p50")
    axes.plot(rates, [s.traffic.p99_ms for s in steps], color=SINGLE, marker=".", label="p99")
    over = [step for step in steps if step.limit]
    axes.plot(
        [s.traffic.rate for s in over],
        [s.traffic.p99_ms for s in over],
        "x",
        color=FAILED,
        label="not held",
    )
    axes.axhline(promised_ms, color=PROMISED, linewidth=0.8, linestyle="--", label="promised")
    axes.set_yscale("log")
    axes.set_xscale("log")  # each rate is twice the one before
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    return _png(figure, axes)


def _dots(
    axes: Any, requests: Sequence[Any], begin: float, colour: str, mark: str, name: str
) -> None:
    if requests:
        at = [one.intended - begin for one in requests]
        took = [max(one.latency_ms, 0.01) for one in requests]
        axes.plot(at, took, mark, color=colour, markersize=4, label=name)


def _sheet(title: str, across: str, up: str, height: float = 3.0) -> tuple[Figure, Any]:
    figure = Figure(figsize=(7.0, height), dpi=90)
    FigureCanvasAgg(figure)
    edge = 3.0 / height
    margins = {"left": 0.1, "right": 0.97, "bottom": 0.16 * edge, "top": 1 - 0.12 * edge}
    axes = figure.subplots(gridspec_kw=margins)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel(across, fontsize=8)
    axes.set_ylabel(up, fontsize=8)
    axes.tick_params(labelsize=8)
    return figure, axes


def _png(figure: Figure, axes: Any) -> bytes:
    if axes.get_legend_handles_labels()[0]:
        # Above the axes, where it hides nothing.
        axes.legend(
            fontsize=7,
            frameon=False,
            ncols=6,
            loc="lower right",
            bbox_to_anchor=(1, 1),
            borderaxespad=0,
            handlelength=1.2,
            columnspacing=1.0,
        )
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
