"""Logs that are events, not tables: what other systems recorded becomes predictions."""
