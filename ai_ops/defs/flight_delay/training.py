"""Both versions of flight_delay: trained, calibrated, compared and registered."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from datetime import time as clock_time
from hashlib import sha256

import pandas as pd
import pyarrow as pa

from ai_ops.ai_features.schema import AiFeatureSpec
from ai_ops.defs.flight_delay.comparison import Comparison, compare, launch_metrics, sums_of
from ai_ops.defs.flight_delay.fitting import (
    BASELINE,
    NETWORK,
    SCHEME,
    Fitted,
    Recipe,
    Trainable,
    columns_of,
    fit,
    one_thread,
    whole_weeks,
)
from ai_ops.defs.flight_delay.flights import INPUTS, load_flights
from ai_ops.storage.registry import REHEARSAL, ModelVersion
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

Progress = Callable[[str], None]
RECIPE_TAG = "recipe"


def set_up(root: Root, feature: AiFeatureSpec, progress: Progress = print) -> Comparison:
    """Register the baseline and the network; the better one is the version to rehearse with.

    Both are trained on everything before the feature's monitoring starts. What is registered
    already, from the same rows by the same recipe, is not trained again. Nothing is launched:
    that takes the checklist and people. The comparison is also written to the lake.
    """
    data, digest = training_data(load_flights(root.folder / "cache"), feature)
    numbers = []
    with one_thread():
        for recipe in (BASELINE, NETWORK):
            found = _registered(root, feature, recipe, digest)
            numbers.append(
                (
                    found or _train_and_register(root, feature, recipe, data, digest, progress)
                ).version
            )
    comparison = compare_registered(root, feature, numbers[0], numbers[1])
    root.lake.write_json(
        root.lake.path(feature.name, "launch_comparison", None, "json"), comparison.as_data()
    )
    root.registry.set_alias(feature.name, "baseline", comparison.baseline)
    root.registry.set_alias(feature.name, REHEARSAL, comparison.launched)
    progress(comparison.reason)
    return comparison


def training_data(flights: pd.DataFrame, feature: AiFeatureSpec) -> tuple[Trainable, str]:
    """The rows before the feature's monitoring starts, and the digest of all that they hold.

    A label that becomes known after that moment is no label yet.
    """
    cutoff = datetime.combine(feature.monitoring.start, clock_time(), UTC)
    rows = flights[flights["time"] < cutoff].reset_index(drop=True)
    known = (rows["late"].notna() & (rows["available_at"] <= cutoff)).to_numpy()
    if not known.any():
        raise MissingEvidence(f"{feature.name}: no flight with a label before {cutoff.date()}")
    labels = rows["late"].fillna(False).to_numpy().astype(bool)
    held = pd.util.hash_pandas_object(
        rows[["id", "time", *INPUTS]].assign(label=labels, known=known), index=False
    )
    digest = sha256(held.to_numpy().tobytes()).hexdigest()[:32]
    return Trainable(rows, feature.inputs, labels, known, whole_weeks(rows["time"])), digest


def compare_registered(
    root: Root, feature: AiFeatureSpec, baseline: str, challenger: str
) -> Comparison:
    """The comparison of two registered versions from the references that stand with them."""
    one, _ = root.registry.reference(feature.name, baseline)
    other, _ = root.registry.reference(feature.name, challenger)
    return compare(baseline, one, challenger, other, feature.judged.threshold)


def replay_scores(
    root: Root, feature: AiFeatureSpec, version: str, begin: str, end: str
) -> pd.DataFrame:
    """What a version answers to the flights of [begin, end), ISO dates in UTC.

    The rows of ``load_flights`` with ``probability`` and the decision ``late_predicted``.
    """
    flights = load_flights(root.folder / "cache")
    inside = (flights["time"] >= pd.Timestamp(begin, tz=UTC)) & (
        flights["time"] < pd.Timestamp(end, tz=UTC)
    )
    rows = flights[inside].reset_index(drop=True)
    with one_thread():
        scores = root.registry.load(feature.name, version).scores(columns_of(rows))
    return rows.assign(probability=scores, late_predicted=scores >= feature.judged.threshold)


def reference_table(data: Trainable, fitted: Fitted, feature: AiFeatureSpec) -> pa.Table:
    """A version's reference: what it answers to its training period without having seen it.

    Columns: ``id``, ``time`` (UTC), ``tenant``, ``input_*``, ``output_*``, and ``label``, null
    where it was not known when the version was trained.
    """
    columns = {
        "id": data.rows["id"],
        "time": data.rows["time"],
        "tenant": data.rows["tenant"],
        **{f"input_{name}": data.rows[name] for name in INPUTS},
        f"output_{feature.judged.score}": fitted.out_of_fold,
        f"output_{feature.judged.decision}": fitted.out_of_fold >= feature.judged.threshold,
        "label": pd.arrays.BooleanArray(data.labels, ~data.known),
    }
    return pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)


def _registered(
    root: Root, feature: AiFeatureSpec, recipe: Recipe, digest: str
) -> ModelVersion | None:
    for version in root.registry.versions(feature.name):
        if version.dataset_digest == digest and version.tags.get(RECIPE_TAG) == _digest(recipe):
            return version
    return None


def _train_and_register(
    root: Root,
    feature: AiFeatureSpec,
    recipe: Recipe,
    data: Trainable,
    digest: str,
    progress: Progress,
) -> ModelVersion:
    begin = time.perf_counter()
    progress(f"training the {recipe.title}")
    fitted = fit(recipe, data)
    trained = time.perf_counter()
    reference = reference_table(data, fitted, feature)
    version = root.registry.register(
        feature.name,
        fitted.module,
        fitted.encoder,
        fitted.encoder.encode(columns_of(data.rows.head(4))),
        metrics=launch_metrics(sums_of(reference, feature.judged.threshold)),
        params={name: str(value) for name, value in asdict(recipe).items()},
        dataset=data.rows.loc[data.known, ["id", "time", *INPUTS, "late"]],
        dataset_digest=digest,
        reference=reference,
        tags={RECIPE_TAG: _digest(recipe), "title": recipe.title},
    )
    progress(
        f"version {version.version}, {recipe.title}: fitted in {trained - begin:.1f} s, "
        f"registered in {time.perf_counter() - trained:.1f} s"
    )
    return version


def _digest(recipe: Recipe) -> str:
    held = {**asdict(recipe), "folds": SCHEME}
    return sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:16]
