"""Which versions there are, and how a new one comes to production."""
