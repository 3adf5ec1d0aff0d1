"""Who is told of what, over which channel, and whether it arrived."""
