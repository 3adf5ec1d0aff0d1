"""Load on an HTTP endpoint: an open loop in a process of its own, and what it saw."""
