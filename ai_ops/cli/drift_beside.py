"""What ``ai-ops drift show`` tells beside single columns: pairs of them, and slices of the rows."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import plain
from ai_ops.drift_monitoring.effects import EffectHistory
from ai_ops.drift_monitoring.joint_judgement import judge_joint
from ai_ops.drift_monitoring.joint_reporting import stored_pairs
from ai_ops.drift_monitoring.slice_judgement import judge_slices
from ai_ops.drift_monitoring.slice_reporting import stored_slices
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict

SHOWN: Final = 15
"""At most this many pairs, and as many columns of slices, stand in a table: the furthest."""


def beside_of(root: Root, feature: AiFeatureSpec, day: str) -> dict[str, Any]:
    """The pairs and slices of a day's report with the verdicts read from them, as JSON-ready data;
    nothing of what was not made for that day."""
    start = feature.monitoring.start
    found: dict[str, Any] = {}
    verdicts: dict[str, Verdict] = {}
    pairs = stored_pairs(root, feature)
    if (report := pairs.get(day)) is not None:
        history = EffectHistory(day, start, pairs)
        verdicts["joint_drift"] = judge_joint(history, pairs, feature.drift)
        found["pairs"] = [asdict(pair) for pair in report.pairs]
        found["unwatched"] = list(report.unwatched)
    slices = stored_slices(root, feature)
    if feature.drift.slices and (sliced := slices.get(day)) is not None:
        history = EffectHistory(day, start, slices)
        verdicts["slice_drift"] = judge_slices(history, slices, feature.drift)
        found["slices"] = [asdict(one) for one in sliced.drifts]
        found["slices_unjudged"] = [asdict(one) for one in sliced.unjudged]
    told = {name: {"status": one.status, "reason": one.reason} for name, one in verdicts.items()}
    return {**found, "verdicts": told}


def tables_of(data: Mapping[str, Any]) -> Iterator[Table]:
    """The furthest pairs and slices of what ``beside_of`` told, for a person."""
    if data.get("pairs"):
        yield _table("Pairs of columns", ("pair", "rows"), data["pairs"], _pair)
    if data.get("slices"):
        yield _table("Slices", ("slice", "column", "rows"), data["slices"], _slice)


def _table(title: str, heads: tuple[str, ...], rows: list[dict[str, Any]], cells: Any) -> Table:
    table = Table(*heads, "of its threshold", "since", title=title)
    ordered = sorted(rows, key=lambda one: -(one["ratio"] or 0))
    for one in ordered[:SHOWN]:
        ratio = "–" if one["ratio"] is None else f"{one['ratio']:.2f}"
        # As text: what somebody wrote is no markup.
        table.add_row(*map(Text, cells(one)), ratio, one["beyond_since"] or "–")
    return table


def _pair(one: Mapping[str, Any]) -> tuple[str, ...]:
    return plain(f"{one['first']} × {one['second']}"), f"{one['n_current']:,}"


def _slice(one: Mapping[str, Any]) -> tuple[str, ...]:
    of = f"{one['dimension']} {one['value']}"
    return plain(of), plain(one["column"]), f"{one['n_current']:,}"
