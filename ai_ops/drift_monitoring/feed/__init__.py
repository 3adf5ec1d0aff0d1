"""The feed: whether what arrives is alive, and as much as usual.

What is frozen, stuck or missing leaves every distribution as it was, or takes weeks to be seen
there. A day of the feed is told by a few marks per column and by counts, so that a judgement can
look back on weeks of them.
"""
