"""What an AI feature is: the schema of its YAML, and the one loader of it."""

from ai_ops.ai_features.loader import find_features, load_feature
from ai_ops.ai_features.schema import AiFeatureSpec

__all__ = ["AiFeatureSpec", "find_features", "load_feature"]
