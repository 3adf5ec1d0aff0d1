"""Serving: is it healthy, what does it cost, where is that going."""
