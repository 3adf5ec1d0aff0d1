"""`python -m ai_ops.cli` is `ai-ops`."""

from ai_ops.cli.main import run

if __name__ == "__main__":
    run()
