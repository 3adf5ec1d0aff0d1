"""Where the CPU of a machine went while something ran on it."""

import os
import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent until a moment, in seconds: by a server, by the whole machine (all cores)."""

    at: float
    machine: float
    server: float | None

    @classmethod
    def so_far(cls, server: float | None) -> "Spent":
        """What was spent until now; ``server`` is None where its processes cannot be seen."""
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        # What a guest takes is part of the user's time already.
        counted = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return cls(time.monotonic(), counted - idle, server)

    def server_since(self, before: "Spent") -> float | None:
        """The seconds that the server took since a moment before."""
        if self.server is None or before.server is None:
            return None
        return self.server - before.server

    def others_since(self, before: "Spent", generators: float) -> float | None:
        """The share of the machine that neither the server nor the generators took; None where the
        server is not of this machine.

        >>> Spent(2.0, 8.0, 3.0).others_since(Spent(0.0, 8.0, 3.0), 0.0)
        0.0
        """
        server = self.server_since(before)
        if server is None or self.at <= before.at:
            return None
        others = (self.machine - before.machine) - server - generators
        return max(0.0, others / ((self.at - before.at) * (os.cpu_count() or 1)))
