"""Whether a feature's YAML fits to its data: every mistake with file, column, row and mend."""

from ai_ops.cli.checking.data import check_data, open_questions
from ai_ops.cli.checking.problems import DataCheck, Problem

__all__ = ["DataCheck", "Problem", "check_data", "open_questions"]
