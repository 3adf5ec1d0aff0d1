"""What the asset shows of a candidate: its numbers, a table of metrics and slices, its run."""

from collections.abc import Iterator, Mapping
from math import isfinite

from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation, Compared
from ai_ops.accuracy_evaluation.gate_budget import numbers
from ai_ops.accuracy_evaluation.gate_metrics import Metric, metrics_of, numbers_of, rounded
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.mlflow_runs import log_run
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Observed, Verdict

SLICES = 20
"""So many slices are shown, those in which the candidate looks worst first."""


def numbers_shown(
    evaluation: CandidateEvaluation, verdicts: Mapping[str, Verdict]
) -> dict[str, Observed]:
    """What the asset says of an evaluation, each check's word included."""
    shown: dict[str, Observed] = {
        "version": evaluation.version,
        "champion": evaluation.champion or "none",
        "launched_first": evaluation.first or "none",
        "training_set": evaluation.learnt.training_set,
        "rows": evaluation.rows,
        "days": evaluation.days,
        "first_day": evaluation.first_day,
        "last_day": evaluation.last_day,
        "left_out": evaluation.left_out,
        "dataset_digest": evaluation.dataset_digest,
        "mlflow_run": evaluation.mlflow_run or "none",
    }
    shown |= {check: verdict.status for check, verdict in verdicts.items()}
    if evaluation.compared is not None:
        shown |= numbers_of(evaluation.compared)
        shown["metrics_disagree"] = disagreement(evaluation.compared)
    return shown | (numbers(evaluation.budget) if evaluation.budget else {})


def disagreement(compared: Compared) -> str:
    """The metrics by which the candidate is better and those by which it is worse, if both are."""
    usable = [metric for metric in metrics_of(compared).all if metric.usable(compared)]
    better = [m.words for m in usable if m.better_by(compared.difference).value > 0]
    worse = [m.words for m in usable if m.better_by(compared.difference).value < 0]
    if not better or not worse:
        return "no"
    return f"better in {', '.join(better)}; worse in {', '.join(worse)}"


def table_of(evaluation: CandidateEvaluation) -> tuple[dict[str, Observed], ...]:
    """Every metric of both versions on the same rows with the difference and its interval, then
    the slices in which the candidate looks worst."""
    compared = evaluation.compared
    if compared is None:
        return ()
    own, champion = f"version {evaluation.version}", f"version {evaluation.champion}, in production"
    known = {metric.name: metric for metric in metrics_of(compared).all}
    rows = []
    for name in compared.candidate.metrics:
        row: dict[str, Observed] = {
            "metric": name,
            "slice": "all",
            "rows": evaluation.rows,
            own: _value(compared.candidate.metrics.get(name)),
            champion: _value(compared.champion.metrics.get(name)),
        }
        difference = compared.difference.get(name)
        told = _told(known[name], compared.difference) if name in known and difference else ""
        rows.append(row | _interval(difference) | {"candidate": told})
    return (*rows, *_slices(evaluation, compared, own, champion))


def _slices(
    evaluation: CandidateEvaluation, compared: Compared, own: str, champion: str
) -> Iterator[dict[str, Observed]]:
    metric = metrics_of(compared).in_slices[0]
    shown = [one for one in evaluation.sliced.slices if metric.name in one.difference]
    shown.sort(key=lambda one: metric.better_by(one.difference).value)
    for one in shown[:SLICES]:
        row: dict[str, Observed] = {
            "metric": metric.name,
            "slice": str(one),
            "rows": one.rows,
            own: None,
            champion: None,
        }
        told = _told(metric, one.difference)
        yield row | _interval(one.difference[metric.name]) | {"candidate": told}


def log_candidate(root: Root, evaluation: CandidateEvaluation) -> str:
    """The evaluation as a run in MLflow, its dataset by digest, with both models; its id."""
    compared, champion = evaluation.compared, evaluation.champion
    if compared is None or champion is None:
        return ""
    metrics: dict[str, float] = {}
    for prefix, found in (
        ("", compared.candidate.metrics),
        ("champion_", compared.champion.metrics),
        ("difference_", compared.difference),
    ):
        metrics |= {f"{prefix}{name}": one.value for name, one in found.items()}
    if evaluation.budget is not None:
        metrics |= {n: float(v) for n, v in numbers(evaluation.budget).items() if v is not None}
    known = {one.version: one.model_id for one in root.registry.versions(evaluation.feature)}
    return log_run(
        root.registry,
        evaluation.feature,
        f"candidate {evaluation.version} beside {champion}",
        dataset=f"{evaluation.feature} hold-out {evaluation.first_day} to {evaluation.last_day}",
        digest=evaluation.dataset_digest,
        models=[known[evaluation.version], known[champion]],
        metrics={name: value for name, value in metrics.items() if isfinite(value)},
        tags={
            "version": evaluation.version,
            "champion": champion,
            "training_set": evaluation.learnt.training_set,
            "first_day": evaluation.first_day,
            "last_day": evaluation.last_day,
            "as_of": evaluation.as_of.isoformat(),
            "rows": str(evaluation.rows),
        },
    )


def _told(metric: Metric, found: Mapping[str, Estimate]) -> str:
    better = metric.better_by(found)
    if better.beyond(0):
        return "surely better"
    if better.below(0):
        return "surely worse"
    return "better" if better.value > 0 else "worse" if better.value < 0 else "the same"


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else rounded(estimate.value)


def _interval(estimate: Estimate | None) -> dict[str, Observed]:
    if estimate is None:
        return {"difference": None, "low": None, "high": None}
    return {
        "difference": rounded(estimate.value),
        "low": rounded(estimate.low),
        "high": rounded(estimate.high),
    }
