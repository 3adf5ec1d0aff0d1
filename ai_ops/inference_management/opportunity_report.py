"""What could cost less: looked for once a month in the log as it is, and for a cost that spiked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.asked_log import ROWS_KEPT, AskedLog
from ai_ops.inference_management.batch_fit import measure_batch_fit
from ai_ops.inference_management.cache_lines import cache_line, incomparable, near_line
from ai_ops.inference_management.near_duplicates import measure_near
from ai_ops.inference_management.opportunities import NANO, Opportunities, Opportunity, Spent
from ai_ops.inference_management.opportunity_judgement import judge_opportunities
from ai_ops.inference_management.opportunity_picture import draw_opportunities
from ai_ops.inference_management.other_versions import look_at_versions
from ai_ops.inference_management.repeated_queries import Repeats, measure_repeats
from ai_ops.inference_management.serving_lines import (
    architecture_line,
    batch_lines,
    idle_line,
    version_lines,
)
from ai_ops.inference_management.serving_room import measure_room, rate_held
from ai_ops.inference_management.spending import Spending, read_spending, weeks_before
from ai_ops.inference_management.traffic_growth import growth_of
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Observed, Verdict

ASSET: Final = "cost_opportunities"


def compute_cost_opportunities(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """What could cost less, computed on the month's own log, with the risk beside each saving:
    caches of identical and near-identical queries (with their wrong hits), batches for calls that
    come together, a smaller or older version inside the gate's margin, machines that wait, and how
    long what serves lasts as traffic grows."""
    summaries = {}
    for moment in moments:
        found = find_opportunities(root, feature, moment)
        path = root.lake.path(feature.name, ASSET, moment.partition, "json")
        root.lake.write_json(path, msgspec.to_builtins(found))
        picture = draw_opportunities(found) if moment is moments[-1] else None
        summaries[moment.partition] = Summary(
            _numbers(found), picture, files={"opportunities": path}, table=_table(found)
        )
    return summaries


def judge_cost_opportunities(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """What could cost less in this month was looked for, on a log and costs that are known for
    every one of its days. Whether a person looked at it is the item's own question."""
    found, evidence = stored_opportunities(root, feature, moment.partition)
    return judge_opportunities(found, moment.window).with_evidence(evidence)


def stored_opportunities(
    root: Root, feature: AiFeatureSpec, month: str
) -> tuple[Opportunities, Evidence]:
    """The month's file; ``MissingEvidence`` when it was not made."""
    data, evidence = root.lake.read_json(root.lake.path(feature.name, ASSET, month, "json"))
    return msgspec.convert(data, Opportunities), evidence


def find_opportunities(root: Root, feature: AiFeatureSpec, moment: Moment) -> Opportunities:
    """Look at the monitored days of a window for what could cost less."""
    days = monitored(feature, moment)
    spent = read_spending(root.lake, feature.name, days)
    one_in = max(1, -(-spent.answered // ROWS_KEPT))
    compared = incomparable(feature)
    with AskedLog(root.lake, feature, days, one_in) as log:
        found = Opportunities(
            feature.name,
            days[0] if days else moment.partition,
            days[-1] if days else moment.partition,
            len(days),
            log.rows,
            _spent(feature, spent, days),
            missing=tuple(sorted({*spent.missing, *log.missing})),
            unknown=tuple(sorted(spent.unknown)),
            compared=compared,
            read=tuple(spent.read),
        )
        return _measured(root, feature, moment, found, spent, log) if log.rows else found


def monitored(feature: AiFeatureSpec, moment: Moment) -> list[str]:
    """The days of the window on which the feature was monitored."""
    first, end = feature.monitoring.start, feature.monitoring.end
    days = [day for day in moment.window.days() if day >= first.isoformat()]
    return [day for day in days if end is None or day < end.isoformat()]


def _measured(
    root: Root,
    feature: AiFeatureSpec,
    moment: Moment,
    found: Opportunities,
    spent: Spending,
    log: AskedLog,
) -> Opportunities:
    compared = found.compared
    repeats = Repeats((), ()) if compared else measure_repeats(log.engine, log.numbers, log.one_in)
    near = measure_near(log.engine, log.numbers) if log.texts and not compared else None
    sites = measure_batch_fit(log.engine)
    versions = look_at_versions(root, feature, moment.as_of)
    tested, load_test = rate_held(root.lake, feature.name, moment.as_of)
    room = measure_room(log.engine, feature.costs, found.last_day, tested)
    after = date.fromisoformat(found.last_day) + timedelta(days=1)
    growth = growth_of(weeks_before(root.lake, feature.name, after, feature.monitoring.start))
    limits = room.lasts(growth)
    return replace(
        found,
        repeats=repeats,
        near=near,
        call_sites=sites,
        versions=versions,
        growth=growth,
        lasts=limits,
        found=(
            cache_line(repeats, spent, compared),
            near_line(near, spent, compared),
            *batch_lines(sites, spent, feature.costs),
            *version_lines(versions, spent),
            idle_line(room, spent),
            architecture_line(growth, limits, found.rows),
        ),
        read=(*found.read, *versions.read, *load_test),
    )


def _spent(feature: AiFeatureSpec, spent: Spending, days: Sequence[str]) -> Spent:
    last = days[-1] if days else ""
    return Spent(
        spent.currency or feature.costs.currency,
        spent.total_nano,
        spent.busy_nano,
        spent.idle_nano,
        spent.storage_nano,
        spent.tokens_nano,
        spent.busy_us,
        sum(one.count for one in feature.costs.compute if last and one.holds(last)),
    )


def _numbers(found: Opportunities) -> dict[str, Observed]:
    return {
        "rows": found.rows,
        "days": found.days,
        "currency": found.spent.currency,
        "total": round(found.spent.total_nano / NANO, 6),
        "savings": len(found.savings),
        # At most: what a cache answers needs no batch.
        "cash_at_most": round(sum(one.cash_nano or 0 for one in found.savings) / NANO, 6),
        "capacity_at_most": round(sum(one.capacity_nano or 0 for one in found.savings) / NANO, 6),
    }


def _table(found: Opportunities) -> tuple[dict[str, Any], ...]:
    return tuple(_row(one) for one in found.found)


def _row(one: Opportunity) -> dict[str, Any]:
    return {
        "what": one.kind.replace("_", " "),
        "told": one.told.replace("_", " "),
        "cash": None if one.cash_nano is None else round(one.cash_nano / NANO, 6),
        "capacity": None if one.capacity_nano is None else round(one.capacity_nano / NANO, 6),
        "words": one.words,
        "risk": one.risk or None,
        "rows": one.rows,
    }
