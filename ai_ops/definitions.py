"""What Dagster loads: every AI feature below ``defs/``, and in the folders of ``AI_OPS_DEFS``."""

import os
from pathlib import Path

import dagster as dg

from ai_ops.ai_features import find_features, load_feature
from ai_ops.ai_features.loader import further_folders
from ai_ops.component import definitions_of


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of every AI feature's YAML."""
    own = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    files = [f for folder in further_folders(os.environ) for f in find_features(folder).values()]
    return dg.Definitions.merge(own, *(definitions_of(load_feature(file)) for file in files))
