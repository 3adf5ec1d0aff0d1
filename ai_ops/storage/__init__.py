"""The books and the files: ledger, lake, registry, clocks, and the root that holds them."""
