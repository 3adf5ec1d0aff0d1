"""The words every part of ai_ops speaks: standard library only, so that anything may import them."""
