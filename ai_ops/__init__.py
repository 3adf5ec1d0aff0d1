"""A production checklist for AI features that runs itself, and fails without evidence."""

from typing import Any

__all__ = ["AiFeature"]


def __getattr__(name: str) -> Any:
    # Lazily: `import ai_ops.client` in an application must not load Dagster.
    if name == "AiFeature":
        try:
            from ai_ops.component import AiFeature
        except AttributeError as error:
            # hasattr() would hide it, and Dagster ask for a name that is plainly here.
            raise ImportError(f"ai_ops.component does not load: {error}") from error

        return AiFeature
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
