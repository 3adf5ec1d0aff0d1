"""What the benchmarks measure beside, and where its pins conflict an environment of its own."""
