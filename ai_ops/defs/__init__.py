"""The AI features of this project: a YAML and, where it has a model of its own, its code."""
