"""What all Dagster glue shares: assets from computations, checks from verdicts."""
