"""What this machine has."""

from __future__ import annotations

import os

__all__ = ["cores"]


def cores(share: int = 1) -> int:
    """Return how many processor cores each of ``share`` songs at a time has here."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return max(1, (len(affinity(0)) if affinity else os.cpu_count() or 1) // share)
