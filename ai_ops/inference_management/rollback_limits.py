"""What a rollback may take, and what a drill of it must have been."""

from datetime import timedelta
from typing import Final

ALLOWED: Final = timedelta(minutes=5)
"""From the decision to the last answer of the bad version: minutes, not hours. Of five, a person
takes most; the endpoint takes seconds."""

EXPIRES_AFTER: Final = timedelta(days=90)
"""How long a drill speaks for the way back: a quarter in which versions, people and servers
change."""

LOAD_FACTOR: Final = 2.0
"""Under how many times the declared peak it is drilled: a bad version is noticed in the rush."""

GENERATOR_SHARE: Final = 0.7
"""The share of a core above which the load's generator may itself be what is slow."""

ENOUGH_RATE: Final = 0.9
"""The share of the load that must have been answered in time, for it to have been the load."""
