"""The `ai-ops` command, one file a group of commands."""
