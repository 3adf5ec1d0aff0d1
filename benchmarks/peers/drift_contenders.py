"""What each contender does to tell how far the columns of two files are apart.

Each is a process of its own and, for some, in an environment of its own: it imports what it needs
when it is asked to. As a script, with a contender's name and both files, it prints one JSON object.
"""

import gc
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

NUMBERS = tuple(f"input_n{place}" for place in range(10))
CATEGORIES = tuple(f"input_c{place}" for place in range(5))
COLUMNS = (*NUMBERS, *CATEGORIES)
BINS = 20

Values = dict[str, dict[str, float]]
"""Column → statistic → value."""
Phase = Callable[[], None]


class Contender(NamedTuple):
    """The parts of its work in order, each measured; what it tells in the end is not."""

    phases: dict[str, Phase]
    tell: Callable[[], Values]


def ai_ops(reference: str, current: str) -> Contender:
    """Cells from the reference's quantiles, every row of both sides counted, all statistics."""
    # Last on the path: a file beside this folder is named like a module of the standard library.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from peers.drift_ours import Ours

    ours = Ours(reference, current, NUMBERS, CATEGORIES, BINS)
    phases = {
        "cells": ours.make_cells,
        "reference": ours.profile_reference,
        "current": ours.profile_current,
        "statistics": ours.measure,
    }
    return Contender(phases, ours.parity)


def evidently(reference: str, current: str) -> Contender:
    """Its default preset on the rows; told are its own functions, one by one."""
    os.environ["DO_NOT_TRACK"] = "1"
    import numpy as np
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.legacy.calculations import stattests
    from evidently.legacy.core import ColumnType
    from evidently.presets import DataDriftPreset

    sides: dict[str, Any] = {}

    def read() -> None:
        for name, file in (("reference", reference), ("current", current)):
            sides[name] = pd.read_parquet(file, columns=list(COLUMNS))

    def report() -> None:
        told = DataDefinition(numerical_columns=list(NUMBERS), categorical_columns=list(CATEGORIES))
        made = {name: Dataset.from_pandas(side, told) for name, side in sides.items()}
        Report([DataDriftPreset()]).run(made["current"], made["reference"]).dict()

    def tell() -> Values:
        tests = {"psi": "psi_stat_test", "js": "jensenshannon_stat_test"}
        numeric = tests | {"wasserstein": "wasserstein_stat_test"}
        values: Values = {}
        for column in COLUMNS:
            both = [
                sides[name][column].replace([-np.inf, np.inf], np.nan).dropna()
                for name in ("reference", "current")
            ]
            kind = ColumnType.Numerical if column in NUMBERS else ColumnType.Categorical
            values[column] = {
                name: float(getattr(stattests, test)(*both, kind, None).drift_score)
                for name, test in (numeric if column in NUMBERS else tests).items()
            }
        return values

    return Contender({"read": read, "report": report}, tell)


def nannyml(reference: str, current: str) -> Contender:
    """Its univariate drift calculator as it comes: Jensen–Shannon in ten chunks."""
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
    import nannyml as nml
    import pandas as pd

    sides: dict[str, Any] = {}

    def read() -> None:
        for name, file in (("reference", reference), ("current", current)):
            sides[name] = pd.read_parquet(file, columns=list(COLUMNS))

    def calculate() -> None:
        calculator = nml.UnivariateDriftCalculator(
            column_names=list(COLUMNS), treat_as_categorical=list(CATEGORIES)
        )
        calculator.fit(sides["reference"])
        calculator.calculate(sides["current"]).to_df()

    return Contender({"read": read, "calculate": calculate}, dict)


def pandas_scipy(reference: str, current: str) -> Contender:
    """By hand: quantile bins, Wasserstein and KS of the rows, chi-square of the categories."""
    import numpy as np
    import pandas as pd
    from scipy import stats

    sides: dict[str, Any] = {}

    def read() -> None:
        for name, file in (("reference", reference), ("current", current)):
            sides[name] = pd.read_parquet(file, columns=list(COLUMNS))

    def compare() -> None:
        then, now = sides["reference"], sides["current"]
        for column in NUMBERS:
            a, b = (side[column].dropna().to_numpy() for side in (then, now))
            borders = np.unique(np.quantile(a, np.arange(1, BINS) / BINS))
            for values in (a, b):
                np.bincount(np.searchsorted(borders, values), minlength=BINS)
            stats.wasserstein_distance(a, b)
            stats.ks_2samp(a, b, method="asymp")
        for column in CATEGORIES:
            counts = [side[column].value_counts() for side in (then, now)]
            table = pd.concat(counts, axis=1).fillna(0).to_numpy()
            stats.chi2_contingency(table)

    return Contender({"read": read, "compare": compare}, dict)


def polars(reference: str, current: str) -> Contender:
    """The same profile as ours, in its own expressions: counts, sums, extremes per quantile bin."""
    import polars as pl

    borders: dict[str, list[float]] = {}

    def cells() -> None:
        shares = [place / BINS for place in range(1, BINS)]
        asked = [
            pl.col(column).quantile(share).alias(f"{column}/{share}")
            for column in NUMBERS
            for share in shares
        ]
        row = pl.scan_parquet(reference).select(asked).collect().row(0, named=True)
        for column in NUMBERS:
            borders[column] = sorted({row[f"{column}/{share}"] for share in shares})

    def profile(file: str) -> None:
        frame = pl.scan_parquet(file)
        asked = [
            frame.group_by(pl.col(column).cut(borders[column]).to_physical().alias("cell")).agg(
                pl.len(),
                pl.col(column).sum().alias("sum"),
                pl.col(column).min().alias("min"),
                pl.col(column).max().alias("max"),
            )
            for column in NUMBERS
        ]
        asked += [frame.group_by(column).len() for column in CATEGORIES]
        pl.collect_all(asked)

    phases = {
        "cells": cells,
        "reference": lambda: profile(reference),
        "current": lambda: profile(current),
    }
    return Contender(phases, dict)


CONTENDERS: dict[str, Callable[[str, str], Contender]] = {
    "ai_ops": ai_ops,
    "polars": polars,
    "pandas_scipy": pandas_scipy,
    "nannyml": nannyml,
    "evidently": evidently,
}


def _cpu() -> float:
    seen = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in seen)


def main(name: str, reference: str, current: str) -> None:
    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no measurement
    contender = CONTENDERS[name](reference, current)
    # What imports left is no garbage: to look through all of it costs each a tenth of a second.
    gc.collect()
    gc.freeze()
    seen: dict[str, Any] = {"import_cpu_s": _cpu(), "cpu_s": {}, "wall_s": {}}
    for phase, work in contender.phases.items():
        cpu, wall = _cpu(), time.perf_counter()
        work()
        seen["cpu_s"][phase] = _cpu() - cpu
        seen["wall_s"][phase] = time.perf_counter() - wall
    seen["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seen["values"] = contender.tell()
    print(json.dumps(seen), file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
