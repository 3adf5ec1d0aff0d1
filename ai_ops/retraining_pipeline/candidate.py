"""The candidate: a version that learnt from the training set, registered and not yet judged."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.learning_rows import digest_of
from ai_ops.retraining_pipeline.made_with import made_with
from ai_ops.retraining_pipeline.records import (
    CANDIDATE,
    Candidate,
    TrainingSet,
    latest_training_set,
    rows_path,
)
from ai_ops.retraining_pipeline.seeding import seeded
from ai_ops.retraining_pipeline.trainer import Trained, trainer_of
from ai_ops.storage.registry import ModelVersion
from ai_ops.storage.retrainings import go_on
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import ArtifactChanged
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import Observed

TRAINING_SET_TAG, RETRAINING_TAG, TITLE_TAG = "training_set", "retraining", "title"

_KEPT = (
    ("seed", "seed"),
    ("environment", "made_with.environment"),
    ("python", "made_with.python"),
    ("code", "made_with.code"),
    ("declared", "made_with.declared"),
    ("commit", "made_with.commit"),
)
"""What a candidate was made with, and the parameter of its version that keeps it."""

_NESTED = ("metrics", "made_with")


def compute_candidate_model(
    root: Root,
    feature: AiFeatureSpec,
    as_of: datetime,
    *,
    run_id: str | None = None,
    parent: str | None = None,
) -> Summary:
    """A new version, fitted to the training set and registered with its out-of-fold answers and
    what they scored. It serves nobody: the gate judges it next, and a person decides. Refused
    while a hold is open."""
    made = made_with(root, feature).as_params()
    go_on(root, feature, run_id=run_id, parent=parent, made_with=made)
    manifest, _ = latest_training_set(root, feature)
    version = _registered(root, feature, manifest) or _train(root, feature, manifest, made)
    candidate = Candidate(
        version=version.version,
        training_set=manifest.id,
        retraining=manifest.retraining,
        digest=manifest.digest,
        as_of=as_of.isoformat(),
        title=version.tags[TITLE_TAG],
        metrics=dict(version.metrics),
        made_with={name: version.params[key] for name, key in _KEPT if key in version.params},
    )
    path = root.lake.path(feature.name, CANDIDATE, candidate.version, "json")
    for partition in (candidate.version, None):
        root.lake.write_json(
            root.lake.path(feature.name, CANDIDATE, partition, "json"), candidate.as_data()
        )
    return Summary(
        numbers={
            **{name: v for name, v in asdict(candidate).items() if name not in _NESTED},
            **candidate.made_with,
            **dict(_rounded(version)),
        },
        files={"candidate": path},
        table=_beside_live(root, feature, version),
    )


def _registered(root: Root, feature: AiFeatureSpec, manifest: TrainingSet) -> ModelVersion | None:
    """The version that this retraining registered already, before it was stopped."""
    tags = {TRAINING_SET_TAG: manifest.id, RETRAINING_TAG: manifest.retraining}
    for version in root.registry.versions(feature.name):
        if tags.items() <= version.tags.items():
            return version
    return None


def trained_from(root: Root, feature: AiFeatureSpec, manifest: TrainingSet) -> Trained:
    """What a training set teaches, not registered yet: of the same one always the same."""
    rows, evidence = root.lake.read_table(rows_path(root, feature, manifest.id))
    if digest_of(rows) != manifest.digest:
        raise ArtifactChanged(
            f"{evidence.source}: not the rows of training set {manifest.id}; materialise it again"
        )
    trainer, seed = trainer_of(feature), int(manifest.digest[:8], 16)
    with seeded(seed):
        trained = trainer.train(feature, rows)
    # A trainer that sets a seed of its own says so.
    return replace(trained, params={"seed": str(seed), **trained.params})


def _train(
    root: Root, feature: AiFeatureSpec, manifest: TrainingSet, made: Mapping[str, str]
) -> ModelVersion:
    trained = trained_from(root, feature, manifest)
    rows, _ = root.lake.read_table(rows_path(root, feature, manifest.id))
    return root.registry.register(
        feature.name,
        trained.module,
        trained.encoder,
        trained.example,
        metrics=trained.metrics,
        params={**trained.params, **_named(made)},
        dataset=_learnt_from(rows).to_pandas(),
        dataset_digest=manifest.digest,
        reference=trained.reference,
        tags={
            TRAINING_SET_TAG: manifest.id,
            RETRAINING_TAG: manifest.retraining,
            TITLE_TAG: trained.title,
        },
    )


def _named(made: Mapping[str, str]) -> dict[str, str]:
    return {key: made[name] for name, key in _KEPT if name in made}


def _learnt_from(rows: pa.Table) -> pa.Table:
    return rows.filter(pc.is_valid(rows["label"])).drop_columns(["known_on", "logged"])


def _beside_live(
    root: Root, feature: AiFeatureSpec, candidate: ModelVersion
) -> tuple[dict[str, Observed], ...]:
    """Each metric of the candidate beside that of the live version, each on its own rows."""
    live = root.registry.serving_version(feature.name)
    own = f"version {candidate.version}, out of fold"
    if live is None:
        return tuple({"metric": name, own: value} for name, value in _rounded(candidate))
    known = dict(_rounded(root.registry.version(feature.name, live)))
    beside = f"version {live}, when it was registered"
    return tuple(
        {"metric": name, own: value, beside: known.get(name)} for name, value in _rounded(candidate)
    )


def _rounded(version: ModelVersion) -> list[tuple[str, float]]:
    return [(name, round(value, 4)) for name, value in sorted(version.metrics.items())]
