"""What Dagster loads: every AI feature below ``defs/``, and in the folders of ``AI_OPS_DEFS``."""

import os
from pathlib import Path

import dagster as dg

from ai_ops.ai_features import find_features, load_feature
from ai_ops.ai_features.loader import further_folders
from ai_ops.component import definitions_of
from ai_ops.playbook.notifying.channels import channels_of


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of every AI feature's YAML."""
    # A channel that is mistyped must not stop what would be told over it: it is named in the log
    # of whoever loads this, and in the check that reads it.
    for problem in channels_of(os.environ).problems:
        dg.get_dagster_logger(__name__).error(problem)
    own = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    files = [f for folder in further_folders(os.environ) for f in find_features(folder).values()]
    return dg.Definitions.merge(own, *(definitions_of(load_feature(file)) for file in files))
