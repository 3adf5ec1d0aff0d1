"""From a plain computation to a Dagster asset: key, owner, group, partitions and metadata alike."""

import base64
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import is_made
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.orchestration.partitions import moments_of, partitions_of
from ai_ops.orchestration.reading_on import reading_on
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.timing import timed
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.words import Domain, Rhythm

Group = Domain | Literal["checklist"]
Compute = Callable[[Root, AiFeatureSpec, Sequence[Moment]], Mapping[str, Summary]]


def asset_key(feature: AiFeatureSpec, name: str) -> dg.AssetKey:
    """The key of one of the feature's assets: its name is the prefix."""
    return dg.AssetKey([feature.name, name])


def spec_of(
    feature: AiFeatureSpec,
    name: str,
    *,
    domain: Group,
    description: str,
    deps: Iterable[str | tuple[str, dg.PartitionMapping]] = (),
    kinds: Iterable[str] = (),
    rhythm: Rhythm | None = None,
) -> dg.AssetSpec:
    """What the UI shows of an asset: its domain as group, who answers for it, what it reads of
    what the feature has.

    A checklist crosses the domains: whoever is accountable for one of them owns it too.
    """
    domains = OWNED_DOMAINS if domain == "checklist" else (domain,)
    owners = [feature.owner_of(owned) for owned in domains]
    accountable = owners_of(feature, *domains)
    supporting = dict.fromkeys(person for owner in owners for person in owner.supporting)
    return dg.AssetSpec(
        asset_key(feature, name),
        description=description,
        group_name=domain,
        owners=accountable,
        kinds=set(kinds),
        deps=[_dep(feature, dep) for dep in deps if _is_there(feature, dep)],
        metadata={
            "accountable": ", ".join(accountable),
            "supporting": ", ".join(supporting) or "–",
            **reading_on(feature, name),
        },
        partitions_def=partitions_of(feature, rhythm) if rhythm else None,
    )


def owners_of(feature: AiFeatureSpec, *domains: Domain) -> list[str]:
    """Who is accountable for these domains, each once; without any, for every domain."""
    every = (feature.owner_of(domain).accountable for domain in domains or OWNED_DOMAINS)
    return list(dict.fromkeys(every))


def partitioned_asset(
    feature: AiFeatureSpec,
    compute: Compute,
    *,
    domain: Group,
    rhythm: Rhythm = "daily",
    deps: Iterable[str | tuple[str, dg.PartitionMapping]] = (),
    kinds: Iterable[str] = (),
) -> dg.AssetsDefinition:
    """The asset that ``compute_<name>`` computes, one day (or week) a partition.

    A range of partitions is one call, so that a week costs one reading of what it shares.
    """
    name = compute.__name__.removeprefix("compute_")  # type: ignore[attr-defined]

    def body(context: dg.AssetExecutionContext, root: RootResource) -> None:
        opened = root.remembered()
        partitions = list(context.partition_keys)
        moments = moments_of(partitions, rhythm, tags=context.run.tags, clock=opened.clock)
        with timed(domain):
            summaries = compute(opened, feature, moments)
        for partition, summary in summaries.items():
            context.add_asset_metadata(metadata_of(summary), partition_key=partition)

    return _define(
        body,
        spec_of(
            feature,
            name,
            domain=domain,
            description=description_of(compute),
            deps=deps,
            kinds=kinds,
            rhythm=rhythm,
        ),
    )


def unpartitioned_asset(
    feature: AiFeatureSpec,
    name: str,
    body: Callable[..., None],
    *,
    domain: Group,
    description: str,
    deps: Iterable[str] = (),
    kinds: Iterable[str] = (),
    pool: str | None = None,
) -> dg.AssetsDefinition:
    """An asset without partitions; ``body`` takes Dagster's context, the root, perhaps a config.

    Runs whose assets share a ``pool`` wait for each other.
    """
    return _define(
        body,
        spec_of(feature, name, domain=domain, description=description, deps=deps, kinds=kinds),
        pool,
    )


def description_of(function: Callable[..., Any]) -> str:
    """A function's docstring, which is what the UI shows of it."""
    return inspect.getdoc(function) or function.__name__


def metadata_of(summary: Summary) -> dict[str, Any]:
    """A summary as Dagster metadata: numbers, pictures, links to files; never a row's values."""
    metadata: dict[str, Any] = {
        name: ("–" if value is None else value) for name, value in summary.numbers.items()
    }
    first = {} if summary.picture is None else {"picture": summary.picture}
    for name, picture in {**first, **summary.pictures}.items():
        encoded = base64.b64encode(picture).decode()
        metadata[name] = dg.MetadataValue.md(f"![{name}](data:image/png;base64,{encoded})")
    if summary.table:
        metadata["table"] = dg.MetadataValue.table(records_of(summary.table))
    for name, path in summary.files.items():
        metadata[name] = dg.MetadataValue.path(path)
    return metadata


def records_of(rows: Sequence[Mapping[str, Any]]) -> list[dg.TableRecord]:
    """Rows as a table of the UI."""
    # Dagster takes records of the same fields only; not every version has every metric.
    fields = list(dict.fromkeys(name for row in rows for name in row))
    return [
        dg.TableRecord({name: ("–" if row.get(name) is None else row[name]) for name in fields})
        for row in rows
    ]


def _is_there(feature: AiFeatureSpec, dep: str | tuple[str, dg.PartitionMapping]) -> bool:
    return is_made(dep if isinstance(dep, str) else dep[0], feature)


def _dep(feature: AiFeatureSpec, dep: str | tuple[str, dg.PartitionMapping]) -> dg.AssetDep:
    if isinstance(dep, str):
        return dg.AssetDep(asset_key(feature, dep))
    name, mapping = dep
    return dg.AssetDep(asset_key(feature, name), partition_mapping=mapping)


def retraining_pool(feature: AiFeatureSpec) -> str:
    """The pool of a feature's retraining: one at a time (``dagster.yaml`` counts whole runs)."""
    return f"retrain_{feature.name}"


def _define(
    body: Callable[..., None], spec: dg.AssetSpec, pool: str | None = None
) -> dg.AssetsDefinition:
    single_run = dg.BackfillPolicy.single_run() if spec.partitions_def else None
    decorate = dg.multi_asset(
        specs=[spec], name="__".join(spec.key.path), backfill_policy=single_run, pool=pool
    )
    return decorate(body)
