"""The parts of ``benchmarks/logging.py``."""
