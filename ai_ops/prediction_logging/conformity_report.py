"""How the day's values fit the log's columns, read from the table itself."""

import json

import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.compaction import LOG, UNKNOWN, WRONG
from ai_ops.prediction_logging.conforming import Conformity, judge_conformity
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict


def judge_schema_conforms(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Every logged value fits the column that its model version declares, and none was withheld.

    A value that does not fit stays in the raw input or output; the typed column, which drift and
    accuracy read, is null there. A payload is withheld when the privacy policy cannot be applied,
    a field of it when it could not be read from the call.
    """
    path = root.lake.path(feature.name, LOG, moment.partition)
    try:
        table, evidence = root.lake.read_table(path, ["withheld"])
    except MissingEvidence:
        return judge_conformity(None, moment.window)
    metadata: dict[bytes, bytes] = table.schema.metadata or {}
    if WRONG not in metadata or "withheld" not in table.column_names:
        reason = "the log of this day was compacted before its values were counted: compact it anew"
        return Verdict.lacking(reason, "data_quality", window=moment.window).with_evidence(evidence)
    reasons = pc.value_counts(table["withheld"].drop_null()).to_pylist()
    known = Conformity(
        rows=table.num_rows,
        wrong=[(column, version, n) for column, version, n in json.loads(metadata[WRONG])],
        withheld={one["values"]: one["counts"] for one in reasons},
        unknown=json.loads(metadata.get(UNKNOWN, b"{}")),
    )
    return judge_conformity(known, moment.window).with_evidence(evidence)
