"""Where the files of a day's log lie, and what its table tells of itself besides its rows."""

from typing import Final

LOG: Final = "prediction_log"
QUARANTINE: Final = "prediction_log/quarantine"

DUPLICATES: Final = b"ai_ops.duplicates"
"""Key of the table's metadata under which the number of repeated records stands."""
READ: Final = b"ai_ops.read"
"""Key under which the digest stands of what the table was made from."""
WRONG: Final = b"ai_ops.wrong"
"""Key of the values that a typed column could not take: [[column, version, count], …] as JSON."""
UNKNOWN: Final = b"ai_ops.unknown_versions"
"""Key of the versions whose inputs could not be read, with the reason, as JSON: see the YAML's."""
SOURCE: Final = b"ai_ops.source"
"""Key under which stands, of an existing log, what the day was made of: its kind, the files with
size, digest and rows, and the values that did not fit, by column and file; as JSON."""
