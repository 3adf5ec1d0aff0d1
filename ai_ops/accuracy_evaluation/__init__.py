"""Outputs against known answers: labels, metrics, and gaps that are confirmed."""
