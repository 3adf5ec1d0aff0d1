"""Simulated features whose weeks are healthy, or changed in one known way."""
