"""Other processes: what they do, what they raise, and that losing one loses nothing."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from halation import crew
from halation.pipeline import compose, render
from halation.types import Audio, Brief, BriefError, Key, Plan, Song


@pytest.fixture
def member() -> Iterator[crew.Member]:
    found = crew.Member()
    yield found
    found.dismiss()


def test_audio_comes_back_as_it_was_and_read_only(member: crew.Member) -> None:
    samples = np.random.default_rng(0).standard_normal((2, 300_000)).astype(np.float32)
    back = member.call(Audio.take, samples.copy())
    assert isinstance(back, Audio)
    assert np.array_equal(back.samples, samples)
    assert not back.samples.flags.writeable


def test_large_arrays_lie_in_memory_that_was_filled_there(member: crew.Member) -> None:
    samples = np.random.default_rng(0).standard_normal((3, 400_000)).astype(np.float32)
    back = member.call(np.negative, samples)
    assert np.array_equal(back, -samples)
    assert back.flags.owndata is not hasattr(os, "memfd_create")
    back += np.float32(1.0)  # and it may be written to
    again = member.call(np.negative, samples)
    assert np.array_equal(back, 1.0 - samples)
    assert np.array_equal(again, -samples)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="memory is not shared here")
def test_arrays_come_through_the_pipe_where_memory_cannot_be_shared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sums = np.arange(900_000, dtype=np.int32).reshape(2, -1)
    with monkeypatch.context() as without:
        without.delattr(os, "memfd_create")
        found = crew.Member()
    back = found.call(np.negative, sums)
    found.dismiss()
    assert np.array_equal(back, -sums)
    assert back.base is None


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="memory is not shared here")
def test_shared_memory_is_given_back(member: crew.Member) -> None:
    member.call(np.zeros, 1 << 20, np.float32)
    own = Path("/proc/self")
    files = len(list((own / "fd").iterdir()))
    for _ in range(20):
        member.call(np.zeros, 1 << 20, np.float32)
    assert len(list((own / "fd").iterdir())) == files
    assert "memfd:halation" not in (own / "maps").read_text()


def test_a_process_that_cannot_be_started_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends: list[socket.socket] = []
    pair = socket.socketpair

    def counted() -> tuple[socket.socket, socket.socket]:
        ends.extend(pair())
        return ends[0], ends[1]

    monkeypatch.setattr(socket, "socketpair", counted)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(FileNotFoundError):
        crew.Member()
    assert [end.fileno() for end in ends] == ([-1, -1] if hasattr(os, "memfd_create") else [])


def test_what_is_raised_there_is_raised_here_and_work_goes_on(member: crew.Member) -> None:
    with pytest.raises(BriefError, match="no such key"):
        member.call(Key.parse, "H minor")
    assert member.call(Key.parse, "Am") == Key(9, "aeolian")


def test_a_killed_process_is_noticed(member: crew.Member) -> None:
    killer = threading.Timer(0.3, os.kill, (member.call(os.getpid), signal.SIGKILL))
    killer.start()
    with pytest.raises(crew.Lost):
        member.call(time.sleep, 60)
    killer.join()
    assert not member.present


def test_processes_are_kept_for_the_next_song() -> None:
    with crew.hired(1) as first:
        pid = first[0].call(os.getpid)
    with crew.hired(1) as second:
        assert second[0].call(os.getpid) == pid


def test_processes_of_a_broken_song_are_dismissed() -> None:
    with pytest.raises(KeyboardInterrupt), crew.hired(1) as members:
        raise KeyboardInterrupt
    assert not members[0].present


def test_a_song_survives_the_loss_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    *_, plan = compose(Brief(seed=8, text="glass rain", length_s=30.0))
    assert isinstance(plan, Plan)
    *_, whole = render(plan, workers=1)

    def lose(self: crew.Member, *_arguments: object) -> None:
        if self.present:
            self.dismiss()
        raise crew.Lost

    monkeypatch.setattr(crew.Member, "call", lose)
    *_, again = render(plan, workers=2)
    assert isinstance(whole, Song)
    assert isinstance(again, Song)
    assert np.array_equal(whole.master.samples, again.master.samples)
