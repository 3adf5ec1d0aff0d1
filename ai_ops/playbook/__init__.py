"""The four alerts and what answers them."""
