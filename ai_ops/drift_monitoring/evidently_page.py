"""What Evidently says of two samples: its value per column, and its page.

Each column is asked for by itself: its preset computes every column three times and draws it twice.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from ai_ops.drift_monitoring.cells import Kind, ProfiledColumn

METHODS: Final[Mapping[Kind, str]] = {"number": "wasserstein", "category": "jensenshannon"}
"""What Evidently itself chooses for samples of more than 1,000 rows."""
TITLES: Final[Mapping[str, str]] = {
    "wasserstein": "Wasserstein",
    "jensenshannon": "Jensen–Shannon",
}
BORDER: Final = 0.1
"""Its own border for both: beyond it Evidently calls a column drifted, whatever the sample."""
HARMLESS: Final[Mapping[int, str]] = str.maketrans({"<": "‹", ">": "›", "&": "＆"})


@dataclass(frozen=True, slots=True)
class EvidentlyValue:
    """What Evidently says of one column: ``method`` is a key of ``TITLES``."""

    method: str
    value: float

    @property
    def drifted(self) -> bool:
        """Whether Evidently calls it drifted."""
        return self.value >= BORDER


@dataclass(frozen=True, slots=True)
class EvidentlyPage:
    """Its page as HTML, and its value of every column that both samples have."""

    html: str
    values: Mapping[str, EvidentlyValue]


def ask_evidently(
    columns: Sequence[ProfiledColumn], current: pd.DataFrame, reference: pd.DataFrame
) -> EvidentlyPage:
    """Evidently's drift report on the columns that have values on both sides."""
    shown = [c for c in columns if _has_values(c.name, current, reference)]
    kinds = {column.name: column.kind for column in shown}
    # Evidently reads this when it is imported; importing takes seconds, so it happens only here.
    os.environ["DO_NOT_TRACK"] = "1"
    with warnings.catch_warnings():
        # It and its libraries warn of deprecated calls and empty bins: nothing a reader could mend.
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift

        definition = DataDefinition(
            numerical_columns=[name for name, kind in kinds.items() if kind == "number"],
            categorical_columns=[name for name, kind in kinds.items() if kind == "category"],
        )
        sides = [
            Dataset.from_pandas(_harmless(side[list(kinds)]), data_definition=definition)
            for side in (current, reference)
        ]
        asked = [
            ValueDrift(column=name, method=METHODS[kind], threshold=BORDER)
            for name, kind in kinds.items()
        ]
        snapshot = Report(asked, include_tests=False).run(*sides)
        html: str = snapshot.get_html_str(as_iframe=False)
        told = snapshot.dict()["metrics"]
    values = {
        one["config"]["column"]: EvidentlyValue(one["config"]["method"], float(one["value"]))
        for one in told
    }
    return EvidentlyPage(html, values)


def _has_values(name: str, *sides: pd.DataFrame) -> bool:
    return all(name in side and side[name].notna().any() for side in sides)


def _harmless(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with no text that could end Evidently's script block or be markup in its plots.

    Evidently writes categories as they are into a script: a value of ``</script><script>…`` would
    run in the browser of whoever opens the report.
    """
    harmless = rows.copy()
    for name in rows.columns:
        if not pd.api.types.is_numeric_dtype(rows[name]):
            harmless[name] = rows[name].str.translate(HARMLESS)
    return harmless
