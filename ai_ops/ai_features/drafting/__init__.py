"""Drafting the YAML of an AI feature from the tables that a team already has: pure.

What a table cannot tell is asked, never invented: a draft carries its open questions as comments.
"""

from ai_ops.ai_features.drafting.drafting import Draft, Tables, draft
from ai_ops.ai_features.drafting.facts import ColumnFacts, ColumnKind, MeasuredTable
from ai_ops.ai_features.drafting.questions import OPEN, Question

__all__ = [
    "OPEN",
    "ColumnFacts",
    "ColumnKind",
    "Draft",
    "MeasuredTable",
    "Question",
    "Tables",
    "draft",
]
