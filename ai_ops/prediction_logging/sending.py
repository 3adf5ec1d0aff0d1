"""One segment on its way to the landing place: sent, read back, and only then announced."""

from pathlib import Path

import msgspec

from ai_ops.prediction_logging.landing import Landed, Landing, NotVerified
from ai_ops.prediction_logging.landing_records import Manifest, place_of
from ai_ops.vocabulary.errors import MissingEvidence


def land(landing: Landing, file: Path, manifest: Manifest, there: Landed | None) -> str:
    """Land one segment, unless it has landed; why it did not otherwise.

    What stands there under a manifest with other content is never written over; what has no
    manifest that can be read was never trusted by anybody, and is.
    """
    place, lake = place_of(manifest.days), landing.lake
    if there and there.manifest:
        if is_whole(landing, manifest, there):
            return ""
        known = _announced(landing, place, manifest.segment)
        if known and _differs(known, manifest) and not _reads_back(landing, manifest):
            return "another segment of this name has landed; this one stays here"
    lake.upload(landing.path_of(place, manifest.segment), str(file))
    if not _reads_back(landing, manifest):
        return "what was read back is not what was sent; it is sent again"
    path = landing.manifest_path(place, manifest.segment)
    lake.write_bytes(path, msgspec.json.encode(manifest))
    return ""


def is_whole(landing: Landing, manifest: Manifest, there: Landed | None) -> bool:
    """Whether a segment lies there under a manifest that says the same, its data read back."""
    if not (there and there.manifest and there.data and there.data.size == manifest.size):
        return False
    known = _announced(landing, there.place, manifest.segment)
    return known is not None and not _differs(known, manifest) and _reads_back(landing, manifest)


def _differs(known: Manifest, manifest: Manifest) -> bool:
    return (known.size, known.sha256) != (manifest.size, manifest.sha256)


def _announced(landing: Landing, place: str, segment: str) -> Manifest | None:
    try:
        return landing.manifest(place, segment)
    except NotVerified:
        return None


def _reads_back(landing: Landing, manifest: Manifest) -> bool:
    path = landing.path_of(place_of(manifest.days), manifest.segment)
    try:
        return landing.lake.digest_of(path) == (manifest.size, manifest.sha256)
    except MissingEvidence:
        return False
