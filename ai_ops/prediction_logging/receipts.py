"""Receipts: what compaction confirms of the segments that landed, so that their machine may go on.

A shipping process removes a segment from its machine when each of its days has one.
"""

from ai_ops.prediction_logging.landing_records import Receipt
from ai_ops.prediction_logging.segment_store import held_days
from ai_ops.prediction_logging.segments import Segments
from ai_ops.vocabulary.moments import Moment


def confirm_landed(segments: Segments, moment: Moment) -> int:
    """Say which landed segments have every line of the day in its table or quarantine; how many.

    Call it after the day's table was written. Of a day that is not over nothing is confirmed:
    lines that came after ``as_of`` are not in its table.
    """
    if moment.as_of < moment.window.end:
        return 0
    receipts = {
        index.name: Receipt(size=landed.size, sha256=landed.sha256)
        for index in segments.indexes
        if (landed := segments.landed.get(index.name)) and moment.partition in held_days(index)
    }
    if receipts and receipts != segments.landing.receipts(moment.partition):
        segments.landing.confirm(moment.partition, receipts)
    return len(receipts)
