"""Notes out of what a network says of every moment and pitch, and the tune out of the notes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Heard", "melody", "notes_of"]

Values = NDArray[np.float32]

LOWEST: Final = 21
"""MIDI number of the first pitch of a curve."""
GAP: Final = 11  # frames below the threshold that a note may bridge
RISE: Final = 3  # frames over which a note that nobody heard begin has come up

LEAST_PITCH: Final = 48
LEAST_VELOCITY: Final = 20
JUMP: Final = 0.02  # what a semitone of leap costs a melody


@dataclass(frozen=True, slots=True, order=True)
class Heard:
    """A note that was heard.

    Parameters
    ----------
    onset_s, duration_s : float [s]
    pitch : int in 21..108
        MIDI number.
    velocity : int in 1..127
        How sure the network is of it, which goes with how loud it is.
    """

    onset_s: float
    duration_s: float
    pitch: int
    velocity: int

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return self.onset_s + self.duration_s


def notes_of(
    onsets: Values, frames: Values, frame_s: float, *, onset: float, frame: float, shortest_s: float
) -> tuple[Heard, ...]:
    """Turn curves into notes.

    A note begins where the onset curve of its pitch peaks, and lasts while its frame curve stays
    up; then what is still up and belongs to no note becomes one, the surest first.

    Parameters
    ----------
    onsets, frames : np.ndarray [shape=(frames, pitches)], in 0..1
        Whether a pitch begins, and whether it sounds.
    frame_s : float [s]
        From one frame to the next.
    onset, frame : float in 0..1
        From where on an onset and a sounding note are believed.
    shortest_s : float [s]

    Returns
    -------
    tuple of Heard
        In order of onset.
    """
    least = max(1, round(shortest_s / frame_s))
    return tuple(sorted(_notes(onsets, frames, frame_s, onset, frame, least)))


def _notes(
    onsets: Values, frames: Values, frame_s: float, onset: float, frame: float, least: int
) -> Iterable[Heard]:
    rest = frames.copy()
    before = np.pad(onsets, ((1, 0), (0, 0)))[:-1]
    after = np.pad(onsets, ((0, 1), (0, 0)))[1:]
    starts = np.argwhere((onsets >= onset) & (onsets > before) & (onsets >= after))
    for start, pitch in starts[::-1]:  # from the end, so that a note ends where the next begins
        end = _end(rest[:, pitch], int(start), frame)
        if end - start >= least:
            yield _heard(frames, frame_s, int(start), end, int(pitch))
            _take(rest, int(start), end, int(pitch))
    while True:
        peak, pitch = (int(i) for i in np.unravel_index(int(np.argmax(rest)), rest.shape))
        if rest[peak, pitch] < max(frame, 0.8 * onset):
            return
        end = _end(rest[:, pitch], peak, frame)
        start = peak + 1 - _end(rest[peak::-1, pitch], 0, frame)
        if end - start >= max(least, 2 * RISE):
            yield _heard(frames, frame_s, start, end, pitch)
        _take(rest, start, max(end, peak + 1), pitch)


def _end(curve: Values, start: int, frame: float) -> int:
    """Return where a note ends: before its curve stays down for longer than a gap."""
    down = 0
    end = start
    for at in range(start, len(curve)):
        down = down + 1 if curve[at] < frame else 0
        if down == 0:
            end = at + 1
        if down > GAP:
            break
    return end


def _take(rest: Values, start: int, end: int, pitch: int) -> None:
    """Forget what a note accounts for: its own curve, and its neighbours' that leak from it."""
    rest[start:end, max(0, pitch - 1) : pitch + 2] = 0.0


def _heard(frames: Values, frame_s: float, start: int, end: int, pitch: int) -> Heard:
    loud = float(frames[start:end, pitch].mean())
    velocity = int(np.clip(round(127 * loud), 1, 127))
    return Heard(start * frame_s, (end - start) * frame_s, LOWEST + pitch, velocity)


def melody(notes: Iterable[Heard], *, lowest: int = LEAST_PITCH) -> tuple[Heard, ...]:
    """Pick the tune out of notes: one at a time, the strong and high, without wild leaps.

    Parameters
    ----------
    notes : iterable of Heard
    lowest : int
        Pitches below are bass.

    Returns
    -------
    tuple of Heard
        In order of onset; none begins before the one before it ends.
    """
    rows = sorted(n for n in notes if n.pitch >= lowest and n.velocity >= LEAST_VELOCITY)
    if not rows:
        return ()
    low, high = np.percentile([n.pitch for n in rows], (10, 95))

    def worth(note: Heard) -> float:
        height = float(np.clip((note.pitch - low) / max(1.0, high - low), 0.0, 1.0))
        return min(note.duration_s, 1.0) * note.velocity / 127 * (0.25 + height)

    # The best chain of notes that do not overlap by more than a hair.
    best = [worth(n) for n in rows]
    back = [-1] * len(rows)
    for i, note in enumerate(rows):
        own = worth(note)
        for j in range(i - 1, max(-1, i - 60), -1):
            if rows[j].end_s <= note.onset_s + 0.05:
                total = best[j] + own - JUMP * max(0, abs(note.pitch - rows[j].pitch) - 4)
                if total > best[i]:
                    best[i], back[i] = total, j
    chain = [int(np.argmax(best))]
    while back[chain[-1]] >= 0:
        chain.append(back[chain[-1]])
    return tuple(rows[i] for i in reversed(chain))
