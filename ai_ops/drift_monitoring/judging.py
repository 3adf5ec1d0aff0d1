"""The checks of drift monitoring: each loads small evidence and asks a pure judgement."""

from dataclasses import replace
from datetime import datetime

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.attribution import attributed
from ai_ops.drift_monitoring.calibration import MINIMUM_INDEPENDENT_WINDOWS
from ai_ops.drift_monitoring.causing import as_bad_data, with_causes
from ai_ops.drift_monitoring.cells import Role, columns_of
from ai_ops.drift_monitoring.history import history_of
from ai_ops.drift_monitoring.judgement import judge_drift
from ai_ops.drift_monitoring.profile import rows_of
from ai_ops.drift_monitoring.profiling import PROFILE
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.reference_faults import outlying_in
from ai_ops.drift_monitoring.references import (
    LATEST,
    NOTHING_LIVE,
    live_reference,
    load_reference,
    reference_of,
    reference_path,
)
from ai_ops.drift_monitoring.rows import answered_by
from ai_ops.drift_monitoring.well_formed import judge_well_formed
from ai_ops.storage.declared_reference import DECLARED
from ai_ops.storage.in_force import launched_in, live_version
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import ArtifactChanged, MissingEvidence, RegistryUnavailable
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import FindingKind

NAMED = 10
"""At most this many columns are named in a reason; the findings name all."""


def judge_input_drift(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """No input lies further from the training period than that period's own weeks lie apart.

    An alert takes several of the last days and the latest one; a missing column, an empty day or
    a missing report is no evidence, never health.
    """
    return _judge_drift(root, feature, moment, "input")


def judge_output_drift(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The model's answers are distributed as its out-of-fold answers on the training period were.

    Needs no labels: it is the first sign that something changed, not a measure of accuracy.
    """
    return _judge_drift(root, feature, moment, "output")


def judge_inputs_well_formed(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Every input of the day arrived: no lost column, no flood of nulls, no unknown categories.

    A day without a single answered prediction is no evidence.
    """
    reference = live_reference(root, feature, moment)
    table, evidence = root.lake.read_table(root.lake.path(feature.name, PROFILE, moment.partition))
    rows = rows_of(table)
    if any(row["reference_digest"] != reference.cells_digest for row in rows):
        reason = (
            f"the profile of {moment.partition} was made for another reference than that of "
            f"version {reference.version}; materialise prediction_profile again"
        )
        verdict = Verdict.lacking(reason, "data_quality", window=moment.window)
        return verdict.with_evidence(evidence)
    if gone := outdated(root, feature, moment, reference.version, "data_quality"):
        return gone.with_evidence(evidence)
    found = judge_well_formed(
        reference,
        rows,
        moment.window,
        nullable=frozenset(column.name for column in feature.inputs if column.nullable),
        inputs=[column.name for column in feature.inputs],
    )
    verdict = as_bad_data(found)
    return attributed(root, feature, reference, moment, verdict).with_evidence(evidence)


def judge_reference_present(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The version in production has a reference profile, made from the very table it registered;
    where somebody else trains the model, from the reference that the YAML declares. No week of it
    lies far from all its others.

    Without it nothing says what is normal, and no drift can be seen.
    """
    try:
        champion = _judged_version(root, feature, as_of)
        if champion is None:
            return Verdict.lacking(NOTHING_LIVE, "version")
        _, digest = reference_of(root, feature, champion)
    except (ArtifactChanged, RegistryUnavailable) as error:
        return Verdict.lacking(str(error), "version")
    try:
        latest, evidence = root.lake.read_json(reference_path(root, feature, LATEST))
        reference = load_reference(root, feature)
    except MissingEvidence as missing:
        return Verdict.lacking(str(missing), "drift")
    if latest["version"] != champion or digest != reference.digest:
        reason = (
            f"version {champion} is in production, but the reference profile is of version "
            f"{latest['version']} (or of another table of it); materialise reference_profile"
        )
        if not feature.trained_here:
            reason = "the reference profile is of another table than the declared reference; "
            reason += "materialise reference_profile"
        return Verdict.lacking(reason, "drift").with_evidence(evidence)
    whose = f"version {champion}" if feature.trained_here else "the declared reference"
    lacking = _cannot_say(reference, feature)
    if outlying := outlying_in(reference):
        more = [Finding("drift", "no_evidence", lacking)] if lacking else []
        return _outlying(whose, reference, *outlying, *more).with_evidence(evidence)
    if lacking:
        reason = f"{whose}: {lacking}"
        return Verdict.lacking(reason, "drift").with_evidence(evidence)
    reason = (
        f"{whose}: {len(reference.columns)} columns of {reference.rows:,} rows in "
        f"{reference.days} days"
    )
    observed: dict[str, Observed] = {
        "version": champion,
        "columns": len(reference.columns),
        "days": reference.days,
    }
    verdict = Verdict.passing(reason, sample_size=reference.rows, observed=observed)
    return verdict.with_evidence(evidence)


def _outlying(whose: str, reference: Reference, *findings: Finding) -> Verdict:
    weeks = sum(finding.status == "fail" for finding in findings)
    more = f" (and {weeks - 1} more)" if weeks > 1 else ""
    return Verdict.failing(
        f"{whose} has weeks far from all its others: {findings[0].reason}{more}",
        *findings,
        sample_size=reference.rows,
        observed={"version": reference.version, "weeks_left_out": weeks},
    )


def _cannot_say(reference: Reference, feature: AiFeatureSpec) -> str | None:
    """Of which columns the reference does not tell what is normal, and why."""
    known = {column.name for column in reference.columns}
    if absent := [column.name for column in columns_of(feature) if column.name not in known]:
        made = "registered" if feature.trained_here else "declared"
        return f"the reference was {made} without {', '.join(absent)}"
    if empty := [column.name for column in reference.columns if column.empty]:
        return f"the reference has no value of {', '.join(empty)}"
    if without := [c.name for c in reference.columns if c.calibration.threshold is None]:
        more = f" and {len(without) - NAMED} more" if len(without) > NAMED else ""
        names = ", ".join(without[:NAMED]) + more
        return f"no threshold for {names}: {_why_unknown(reference, feature)}"
    return None


def _judged_version(root: Root, feature: AiFeatureSpec, as_of: datetime) -> str | None:
    if not feature.trained_here:
        return DECLARED
    live = live_version(root, feature.name, as_of, as_of)
    return live.version if live else None


def _why_unknown(reference: Reference, feature: AiFeatureSpec) -> str:
    """Why nobody knows how much a column differs from week to week by itself."""
    needed = MINIMUM_INDEPENDENT_WINDOWS * feature.drift.window_days
    if not reference.days:
        return (
            "the reference tells no times, so nobody knows how much its weeks differ; give it a "
            f"column of times, or name {needed} days of the log as reference.first_day and "
            "reference.last_day"
        )
    left = [len(one.calibration.kept(reference.days)) for one in reference.columns]
    but = f" ({min(left)} without the weeks left out)" if min(left) < reference.days else ""
    return (
        "the reference is too short to know its spread: it has "
        f"{reference.days} days{but}, {needed} are needed"
    )


def outdated(
    root: Root, feature: AiFeatureSpec, moment: Moment, version: str, kind: FindingKind
) -> Verdict | None:
    """The lack when another version answers by now: what was normal for one is not for the next.

    A reference that the YAML declares is of every version.
    """
    if not feature.trained_here:
        return None
    day = moment.partition
    again = (
        f"the reference is of version {version}; materialise reference_profile, then {day} again"
    )
    live = launched_in(root, feature.name, moment)
    if live is not None and live.version != version:
        reason = f"version {live.version} was live at the end of {day}, but {again}"
        return Verdict.lacking(reason, kind, window=moment.window)
    answering = answered_by(root, feature, [day])
    if not answering or answering[-1].version == version:
        return None
    reason = f"version {answering[-1].version} gave the latest answers of {day}, but "
    reason += f"version {version} is live; see why the server does not follow" if live else again
    return Verdict.lacking(reason, kind, window=moment.window)


def _judge_drift(root: Root, feature: AiFeatureSpec, moment: Moment, role: Role) -> Verdict:
    history, reports = history_of(root, feature, moment.partition)
    report = reports.get(moment.partition)
    if report is None and not feature.trained_here:
        live_reference(root, feature, moment)  # says what is missing, if that is the reason
    gone = None
    if report:
        version = report[0].reference_version
        gone = outdated(root, feature, moment, version, "drift")
        if role == "output":
            since = _answers_since(root, feature, moment, version)
            history = replace(history, answers_since=since)
    verdict = gone or judge_drift(history, feature.drift, role)
    verdict = with_causes(root, feature, moment.partition, verdict)
    return verdict.with_evidence(*reports.evidence)


def _answers_since(
    root: Root, feature: AiFeatureSpec, moment: Moment, version: str
) -> datetime | None:
    """When the version began to answer, if others answered before it in this window."""
    if not feature.trained_here:
        return None
    window = Window.trailing(moment.partition, days=feature.drift.window_days)
    live = launched_in(root, feature.name, moment)
    if live is not None and live.since is not None:
        return live.since if live.since > window.start else None
    first = {one.version: one.first for one in answered_by(root, feature, window.days())}
    own = first.pop(version, None)
    return own if own is not None and any(other < own for other in first.values()) else None
