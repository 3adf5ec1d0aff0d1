"""The words every part of ai_ops speaks: standard library only, so anything may import them."""
