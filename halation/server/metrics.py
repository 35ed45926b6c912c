"""Figures of the server for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics"]

_SECONDS = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 20.0, 40.0, 90.0)
_SPEEDS = (2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 50.0, 60.0, 80.0)


class Metrics:
    """One server's figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.waiting = Gauge("halation_queue_waiting", "Songs that wait", registry=registry)
        self.running = Gauge("halation_queue_running", "Songs being made", registry=registry)
        self.songs = Counter(
            "halation_songs", "Songs that have ended", ["state"], registry=registry
        )
        self.retries = Counter("halation_retries", "Songs made again", registry=registry)
        self.seconds = Histogram(
            "halation_song_seconds", "Seconds to make a song", buckets=_SECONDS, registry=registry
        )
        self.speed = Histogram(
            "halation_song_real_time_factor", "Seconds of song made in a second",
            buckets=_SPEEDS, registry=registry,
        )  # fmt: skip

    def made(self, seconds: float, duration_s: float) -> None:
        """Count a finished song."""
        self.seconds.observe(seconds)
        self.speed.observe(duration_s / max(seconds, 1e-6))

    def text(self) -> bytes:
        """Return all figures in Prometheus's text form."""
        return generate_latest(self.registry)
