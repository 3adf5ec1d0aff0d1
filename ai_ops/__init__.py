"""A production checklist for AI features that runs itself, and fails when its evidence is missing."""

from typing import Any

__all__ = ["AiFeature"]


def __getattr__(name: str) -> Any:
    # Lazily: `import ai_ops.client` in an application must not load Dagster.
    if name == "AiFeature":
        from ai_ops.component import AiFeature

        return AiFeature
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
