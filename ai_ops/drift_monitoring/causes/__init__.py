"""Why a column drifted: each piece of evidence is a file of its own, pure and with its source."""
