"""User actions laid beside the log: which of them have their prediction, and where not."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.prediction_logging.unanswered import Actions


@dataclass(frozen=True, slots=True)
class Beside:
    """A day's user actions, whole and by group, and the predictions that none belongs to."""

    actions: Actions
    by_call_site: Mapping[str, Actions]
    by_tenant: Mapping[str, Actions]
    predictions_without_action: int


def beside_the_log(
    log: pa.Table | None, earlier: pa.Table | None, actions: pa.Table | None
) -> Beside:
    """Compare a day's actions with the ids of its log and of the day before."""
    logged = pa.chunked_array(
        [chunk for table in (log, earlier) if table is not None for chunk in table["id"].chunks],
        type=pa.string(),
    )
    missing = _without(actions, logged) if actions is not None else None
    known = actions["id"] if actions is not None else pa.chunked_array([], type=pa.string())
    return Beside(
        actions=_counted(actions, missing),
        by_call_site=_grouped(actions, missing, "call_site"),
        by_tenant=_grouped(actions, missing, "tenant"),
        predictions_without_action=_outside(log["id"], known) if log is not None else 0,
    )


def _without(actions: pa.Table, logged: pa.ChunkedArray) -> pa.Table:
    return actions.filter(pc.invert(pc.is_in(actions["id"], value_set=logged.combine_chunks())))


def _outside(ids: pa.ChunkedArray, known: pa.ChunkedArray) -> int:
    found = pc.sum(pc.is_in(ids, value_set=known.combine_chunks())).as_py() or 0
    return len(ids) - int(found)


def _counted(actions: pa.Table | None, missing: pa.Table | None) -> Actions:
    if actions is None or missing is None:
        return Actions(n=0, without_prediction=0)
    begin = pc.min(missing["time"]).as_py()
    return Actions(n=actions.num_rows, without_prediction=missing.num_rows, begin=begin)


def _grouped(actions: pa.Table | None, missing: pa.Table | None, by: str) -> dict[str, Actions]:
    if actions is None or missing is None:
        return {}
    names = pc.unique(actions[by]).drop_null().to_pylist()
    return {
        name: _counted(
            actions.filter(pc.equal(actions[by], name)), missing.filter(pc.equal(missing[by], name))
        )
        for name in sorted(names)
    }
