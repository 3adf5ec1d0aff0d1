"""What the model did: every prediction, compacted, and the proof that none is missing."""
