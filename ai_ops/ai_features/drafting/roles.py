"""Which column of a table may play which part in a prediction's record, by its name and values."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ai_ops.ai_features.drafting.facts import ColumnFacts

FEW: Final = 50
"""More different values than this are no classes, call sites or versions."""

_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "time": (
        "time timestamp ts predicted_at prediction_time event_time request_time created_at"
        " inference_time datetime scored_at logged_at served_at",
        "time timestamp ts datetime date day at created",
    ),
    "available_at": (
        "available_at label_available_at labelled_at labeled_at label_time resolved_at settled_at"
        " closed_at outcome_at known_at label_date",
        "available labelled labeled resolved settled known",
    ),
    "id": (
        "id prediction_id request_id event_id uuid inference_id record_id row_id guid key"
        " application_id order_id transaction_id",
        "id uuid guid key number no nr",
    ),
    "label": (
        "label target y y_true truth ground_truth actual actuals true_label true_class"
        " actual_label outcome label_value correct_answer",
        "label target truth actual true outcome observed real realised realized next",
    ),
    "score": (
        "score probability prob proba p y_score y_prob y_proba y_pred_proba p_hat"
        " predicted_probability prediction_score confidence model_score",
        "score prob probability proba confidence likelihood",
    ),
    "prediction": (
        "prediction predicted pred y_pred yhat y_hat decision predicted_class predicted_label"
        " predicted_value forecast estimate output answer advice recommendation",
        "prediction predicted pred yhat decision decided forecast estimate estimated output answer"
        " advice recommendation recommended suggested",
    ),
    "model_version": (
        "model_version version model_id model model_name deployment",
        "model version",
    ),
    "tenant": ("tenant tenant_id account org organisation organization client workspace", "tenant"),
    "call_site": (
        "call_site endpoint route channel caller service app application page",
        "endpoint route channel",
    ),
    "subject": (
        "subject subject_id user user_id customer customer_id patient_id person_id member_id"
        " applicant_id client_id account_id",
        "subject customer user patient person member",
    ),
    "request_id": ("request_id trace_id correlation_id", ""),
    "latency_ms": (
        "latency_ms latency duration_ms elapsed_ms response_time_ms took_ms",
        "latency",
    ),
    "status": ("status", ""),
    "error": ("error error_message exception", ""),
    "mode": ("mode", ""),
    "order": ("order index step seq sequence row position instant n nr t idx", "index step seq"),
}
_STATUSES: Final = {"ok", "failed", "refused"}
_MODES: Final = {"sync", "batch"}


def ranked(columns: Iterable[ColumnFacts], role: str) -> list[list[ColumnFacts]]:
    """The columns in three ranks: named as such, named alike, named otherwise.

    >>> columns = [ColumnFacts(name, "float", 9) for name in ("age", "fraud_score", "score")]
    >>> [[one.name for one in rank] for rank in ranked(columns, "score")]
    [['score'], ['fraud_score'], ['age']]
    """
    exact, alike = (set(names.split()) for names in _NAMES[role])
    ranks: list[list[ColumnFacts]] = [[], [], []]
    for column in columns:
        name = "_".join(column.words)
        ranks[0 if name in exact else 1 if alike & set(column.words) else 2].append(column)
    ranks[0].sort(key=lambda column: _NAMES[role][0].split().index("_".join(column.words)))
    return ranks


def candidates(columns: Iterable[ColumnFacts], role: str) -> list[ColumnFacts]:
    """The columns whose values and names may play a role that a name must tell, best first."""
    fitting = [column for column in columns if FITS[role](column) and not column.empty]
    exact, alike, _ = ranked(fitting, role)
    return [*exact, *alike]


def by_value(columns: Iterable[ColumnFacts], role: str) -> list[ColumnFacts]:
    """The columns whose values alone may play a role, those with a telling name first."""
    fitting = (column for column in columns if FITS[role](column) and not column.empty)
    return [column for rank in ranked(fitting, role) for column in rank]


def sure(found: Sequence[ColumnFacts], role: str) -> bool:
    """Whether the first of these stands out: alone, or alone in having the name.

    >>> columns = [ColumnFacts(name, "time", 9) for name in ("time", "shipped", "ordered")]
    >>> sure(columns, "time"), sure(columns[1:], "time")
    (True, False)
    """
    exact, alike, other = ranked(found, role)
    return bool(exact) or len(alike or other) == 1


def answered_by(columns: Sequence[ColumnFacts]) -> list[ColumnFacts]:
    """Columns named like what another one predicts, as ``digit`` beside ``predicted_digit``.

    >>> names = ("digit", "predicted_digit", "p_digit", "pixel")
    >>> [one.name for one in answered_by([ColumnFacts(name, "integer", 9) for name in names])]
    ['digit']
    """
    own = {"is", "class", "p", "expected", *_words("prediction"), *_words("score")}
    answers = [column for column in columns if own & set(column.words)]
    about = [set(column.words) - own for column in answers]
    plain = [column for column in columns if column not in answers and FITS["label"](column)]
    return [column for column in plain if set(column.words) in about and not column.empty]


def _words(role: str) -> set[str]:
    return {word for names in _NAMES[role] for word in re.split("[ _]", names)}


def is_time(column: ColumnFacts) -> bool:
    """Whether its values are moments."""
    return column.kind in ("time", "zoned_time")


def is_nearly_id(column: ColumnFacts) -> bool:
    """Whether its values may name a row; where they repeat now and then its name must say so.

    >>> is_nearly_id(ColumnFacts("order_id", "text", 1000, distinct=990))
    True
    """
    if column.kind not in ("integer", "text"):
        return False
    named = not ranked([column], "id")[2]
    return column.unique or (named and column.distinct > 0.5 * column.rows)


def _is_id(column: ColumnFacts) -> bool:
    return column.unique and column.kind in ("integer", "text")


def _is_label(column: ColumnFacts) -> bool:
    names_rows = column.unique and column.kind in ("integer", "text")
    return column.kind in ("boolean", "integer", "float", "text") and not names_rows


def _is_answer(column: ColumnFacts) -> bool:
    few = column.distinct <= FEW or column.numeric
    return column.kind in ("boolean", "integer", "float", "text") and few


def _is_name(column: ColumnFacts) -> bool:
    return column.kind in ("integer", "text") and column.distinct <= FEW


def _is_subject(column: ColumnFacts) -> bool:
    return column.kind in ("integer", "text")


def _is_duration(column: ColumnFacts) -> bool:
    in_seconds = {"s", "sec", "secs", "second", "seconds", "us", "ns"} & set(column.words)
    return column.numeric and (column.low or 0) >= 0 and not in_seconds


def _is_status(column: ColumnFacts) -> bool:
    said = {value.lower() for value in column.values}
    http = all(re.fullmatch(r"[245]\d\d", value) for value in said)
    return bool(said) and (said <= _STATUSES or http)


FITS: Final[dict[str, Callable[[ColumnFacts], bool]]] = {
    "time": is_time,
    "available_at": is_time,
    "id": _is_id,
    "label": _is_label,
    "score": lambda column: column.in_unit and column.kind == "float",
    "prediction": _is_answer,
    "model_version": _is_name,
    "tenant": lambda column: column.kind in ("integer", "text"),
    "call_site": _is_name,
    "subject": _is_subject,
    "request_id": _is_subject,
    "latency_ms": _is_duration,
    "status": _is_status,
    "error": lambda column: column.kind == "text" and column.nulls > 0,
    "mode": lambda column: bool(column.values) and set(column.values) <= _MODES,
    "order": lambda column: column.unique and column.numeric,
}
"""What the values of a column must be, for each role."""
