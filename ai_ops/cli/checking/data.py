"""The data of one feature, opened and held against its YAML."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.drafting import OPEN
from ai_ops.cli.checking.labels import check_labels
from ai_ops.cli.checking.problems import DataCheck, is_serious, of_rows
from ai_ops.cli.checking.source import check_columns, check_rows, check_times
from ai_ops.cli.checking.spans import check_spans
from ai_ops.drift_monitoring.calibration import MINIMUM_INDEPENDENT_WINDOWS
from ai_ops.prediction_logging.source_reading import open_rows, source_files
from ai_ops.storage.mapped_tables import ROWS, map_tables
from ai_ops.storage.root import Root
from ai_ops.storage.tables import ReadableTable, UnreadableTable, open_table, table_files
from ai_ops.storage.tables import tables_engine as engine
from ai_ops.vocabulary.errors import BadInput, MissingEvidence


def open_questions(file: Path) -> list[str]:
    """The questions of a draft that wait for an answer still, by file and line."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []  # the loader says why
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip().startswith(f"# {OPEN}"):
            continue
        words = [line.strip(" #")]
        for following in map(str.strip, lines[number:]):
            if not following.startswith("#") or following.startswith(("# Candidates", f"# {OPEN}")):
                break
            words.append(following.strip(" #"))
        mend = "mend what stands below it, then remove the comment"
        found.append(f"{file}:{number}: {' '.join(words)} ({mend})")
    return found


def check_data(file: Path, feature: AiFeatureSpec, folder: Path, now: datetime) -> DataCheck:
    """What of a feature's data does not fit to its YAML; nothing where it has no source."""
    found = DataCheck()
    if feature.source is None:
        return found
    with TemporaryDirectory(prefix="ai_ops_") as passing:
        try:
            _check(_root(folder, Path(passing), feature), file, feature, now, found)
        except MissingEvidence as error:
            found.mistake(str(file), str(error))
    return found


def _root(folder: Path, passing: Path, feature: AiFeatureSpec) -> Root:
    """The root; a passing one where there is none yet, for a check makes no root."""
    if folder.is_dir():
        return Root.open(folder)
    for pattern in _patterns(feature):
        if "://" not in pattern and not os.path.isabs(pattern):
            raise BadInput(f"--root: {folder.absolute()} is no folder, and {pattern} lies below it")
    return Root.open(passing)


def _patterns(feature: AiFeatureSpec) -> Iterator[str]:
    if feature.source:
        yield feature.source.files
    if feature.ground_truth.labels:
        yield feature.ground_truth.labels
    if feature.reference and feature.reference.files:
        yield feature.reference.files


def _check(root: Root, file: Path, feature: AiFeatureSpec, now: datetime, found: DataCheck) -> None:
    source = feature.source
    assert source is not None
    with engine(root) as connection:
        wanted = _monitored(feature, now) if source.kind != "table" else []
        opened = open_rows(root, connection, feature, source_files(root, feature, wanted))
        for refused in opened.refused:
            found.mistake(refused.file, refused.problem)
        if not opened.tables:
            return
        found.numbers |= {
            "files": len(opened.tables),
            "rows": sum(table.rows for table in opened.tables),
        }
        if not found.numbers["rows"]:
            found.mistake(source.files, "it has columns and no rows: nothing was predicted")
            return
        tables = list(opened.tables) if source.kind == "table" else []
        lacking = check_columns(feature, source, tables)
        found.add(lacking)
        absent = {one.column for one in lacking if one.column}
        days = check_rows(connection, feature, opened, found, absent)
        if source.calendar is None:
            found.add(check_times(connection, [one.file.name for one in opened.tables], now))
        check_labels(root, connection, feature, found)
        check_spans(str(file), feature, days, found)
    if feature.reference is not None and feature.reference.files is not None:
        _check_reference(root, feature, feature.reference.files, found)


def _monitored(feature: AiFeatureSpec, now: datetime) -> list[str]:
    """The days of the feature until now: of events, which lie by days, the ones to look at."""
    start, end = feature.monitoring.start, feature.monitoring.end or now.date()
    if feature.reference is not None and feature.reference.first_day is not None:
        start = min(start, feature.reference.first_day)
    last = min(end, now.date())
    return [(start + timedelta(days=n)).isoformat() for n in range((last - start).days + 1)]


def _check_reference(root: Root, feature: AiFeatureSpec, files: str, found: DataCheck) -> None:
    """Whether a reference set of its own has the columns, the types and enough days."""
    source = feature.source
    assert source is not None
    tables: list[ReadableTable] = []
    with engine(root) as connection:
        for one in table_files(root, files, "reference.files"):
            try:
                tables.append(open_table(root, connection, one))
            except UnreadableTable as error:
                found.mistake(error.file, error.problem)
        found.add(check_columns(feature, source, tables))
        mapped = map_tables(connection, feature, tables, set_of_its_own=True)
        for refused in mapped.refused:
            found.mistake(refused.file, refused.problem)
        if not mapped.tables:
            return
        rows, wrong, dated, days = connection.execute(
            "SELECT count(*), count(wrong), count(time), count(DISTINCT CAST(time AS DATE))"
            f" FROM {ROWS}"
        ).fetchall()[0]
    found.numbers["reference_rows"] = rows
    needed = MINIMUM_INDEPENDENT_WINDOWS * feature.drift.window_days
    if wrong:
        words = f"{of_rows(wrong, rows)} rows of the reference have a value that does not fit, or "
        words += "lack one: correct them, or declare the inputs otherwise"
        (found.mistake if is_serious(wrong, rows) else found.warn)(files, words)
    if dated and days < needed:
        words = f"the reference has {days} days, {needed} are needed to know how restless a column"
        found.mistake(files, f"{words} is: name more of them")
    elif not dated:
        words = "the reference tells no days, so that nobody knows how restless a column is: drift "
        words += "will have no evidence; give it the column of the times, or name days of the log"
        found.warn(files, words)
