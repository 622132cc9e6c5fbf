"""When something that ends by itself is started again."""

from __future__ import annotations

import time

PATIENCE = 2.0
"""Seconds that callers wait for a start; for a later one they are told to come again."""
STEADY_SECONDS = 60.0
"""What ran so long starts again as if it had ended for the first time."""


class Backoff:
    """Counts ends, and with them the time until the next start grows.

    Args:
        delays: seconds from an end to the next start, by how many there were in succession.

    Attributes:
        failures: how many there were in succession.
    """

    def __init__(self, *delays: float) -> None:
        self.failures = 0
        self._delays = delays
        self._next_start = 0.0

    def failed(self, ran: float) -> float:
        """It has ended by itself after so many seconds; returns how many there are until the next start."""
        self.failures = 1 if ran >= STEADY_SECONDS else self.failures + 1
        delay = self._delays[min(self.failures, len(self._delays)) - 1]
        self._next_start = time.monotonic() + delay
        return delay

    @property
    def wait(self) -> float:
        """Seconds until the next start; 0 if it may be now."""
        return max(0.0, self._next_start - time.monotonic())

    @property
    def is_long(self) -> bool:
        """Whether callers should not wait for the next start."""
        return self.wait > PATIENCE
