"""Do the logged values fit the columns of the log? Judged from what could not be typed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

COLUMNS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Conformity:
    """What is known of one day's values.

    ``wrong`` counts them by column and version, ``withheld`` the rows that lack their payload,
    or a part of it, by the reason why; ``unknown`` are the versions whose inputs no registry told,
    and why.
    """

    rows: int
    wrong: Sequence[tuple[str, str, int]]
    withheld: Mapping[str, int]
    unknown: Mapping[str, str]


def judge_conformity(known: Conformity | None, window: Window) -> Verdict:
    """Whether every value could be typed as its version's column, and no payload was withheld.

    >>> day = Window.of_day("2021-03-04")
    >>> judge_conformity(Conformity(9, [("input_temp", "3", 2)], {}, {}), day).reason
    '2 values of 9 rows do not fit their column: input_temp of version 3 (2)'
    >>> judge_conformity(Conformity(0, [], {}, {}), day).status
    'no_evidence'
    """
    if known is None:
        reason = "no log was compacted: no writer has begun a segment, or the asset did not run"
        return Verdict.lacking(reason, "data_quality", window=window)
    observed: dict[str, Observed] = {
        "rows": known.rows,
        "wrong_values": sum(count for _, _, count in known.wrong),
        "withheld": sum(known.withheld.values()),
        "versions_by_the_yaml": ", ".join(sorted(known.unknown)),
    }
    if not known.rows:
        reason = "no prediction was logged: there is no value to look at"
        return Verdict.lacking(reason, "data_quality", window=window, observed=observed)
    if findings := [*_wrong(known, window), *_withheld(known, window)]:
        parts = []
        if known.wrong:
            named = [f"{column} of {_of(version)} ({n})" for column, version, n in known.wrong]
            more = f" and {len(named) - COLUMNS_NAMED} more" if named[COLUMNS_NAMED:] else ""
            parts.append(
                f"{observed['wrong_values']} values of {known.rows} rows do not fit their column: "
                f"{', '.join(named[:COLUMNS_NAMED])}{more}"
            )
        parts += [finding.reason for finding in findings if not finding.columns]
        reason = "; ".join(parts)
        return Verdict.failing(reason, *findings, sample_size=known.rows, observed=observed)
    by_yaml = [f"version {version}: {why}" for version, why in sorted(known.unknown.items())]
    held = f" (held to the YAML's columns: {'; '.join(by_yaml)})" if by_yaml else ""
    return Verdict.passing(
        f"every value of {known.rows} rows fits its column{held}",
        sample_size=known.rows,
        observed=observed,
    )


def _wrong(known: Conformity, window: Window) -> list[Finding]:
    """One finding a column, with the versions it is about."""
    versions: dict[str, dict[str, int]] = defaultdict(dict)
    for column, version, count in known.wrong:
        versions[column][version] = count
    return [
        Finding(
            "data_quality",
            "fail",
            f"{column}: "
            + ", ".join(f"{count} values of {_of(version)}" for version, count in told.items())
            + " do not fit its type or are missing",
            columns=(column,),
            window=window,
            size=sum(told.values()),
        )
        for column, told in versions.items()
    ]


def _withheld(known: Conformity, window: Window) -> list[Finding]:
    return [
        Finding(
            "data_quality",
            "fail",
            f"{count} of {known.rows} rows were logged without their payload or a part of it: "
            f"{reason}",
            window=window,
            size=count,
        )
        for reason, count in sorted(known.withheld.items())
    ]


def _of(version: str) -> str:
    return f"version {version}" if version else "no version"
