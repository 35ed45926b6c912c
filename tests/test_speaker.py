"""A song on the loudspeaker, on a device that hears nothing."""

from __future__ import annotations

import time

import numpy as np
import pytest

from halation.cli.speaker import Speaker
from halation.types import SAMPLE_RATE, Audio, BackendError, Block

miniaudio = pytest.importorskip("miniaudio")


def block(start: int, n: int, level: float = 0.1) -> Block:
    return Block(start, Audio(np.full((2, n), level, np.float32)))


def test_blocks_are_played_without_a_gap_and_in_their_own_time() -> None:
    began = time.monotonic()
    with Speaker([miniaudio.Backend.NULL]) as speaker:
        for start in range(0, SAMPLE_RATE, SAMPLE_RATE // 4):
            speaker.take(block(start, SAMPLE_RATE // 4))
        speaker.wait()
    assert speaker.gaps == 0
    assert 0.5 < time.monotonic() - began < 5.0


def test_what_comes_too_late_leaves_a_gap_that_is_counted() -> None:
    with Speaker([miniaudio.Backend.NULL]) as speaker:
        speaker.take(block(0, 500))
        deadline = time.monotonic() + 5.0
        while not speaker.gaps and time.monotonic() < deadline:
            time.sleep(0.01)
        speaker.take(block(500, 500))
        speaker.wait()
    assert speaker.gaps > 0


def test_without_a_device_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise miniaudio.MiniaudioError("failed to init device", -401)

    monkeypatch.setattr(miniaudio, "PlaybackDevice", none)
    with pytest.raises(BackendError, match="leave --play out"):
        Speaker()
