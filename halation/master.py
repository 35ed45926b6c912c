"""Mix → the master: tilt, glue, tape, limiter, loudness, and what a meter says of the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.arc import COMMON_DB, USUAL_HOOK_LUFS, Piece, pieces, under_hook_lu
from halation.dsp import automation, dynamics, loops, spectrum
from halation.dsp.loudness import (
    OFFSET_LUFS,
    Meter,
    block_peaks,
    glimpsed,
    glimpses,
    meter,
    outline,
)
from halation.dsp.reels import claim, reel, release
from halation.types import (
    SAMPLE_RATE,
    Audio,
    Measures,
    Mix,
    Mood,
    Outline,
    Plan,
    Role,
    Score,
)

__all__ = ["CEILING_DBTP", "Master", "finish"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

CEILING_DBTP: Final = -1.5
"""True peak of the master; the MP3's coder may add half a decibel."""

SLOPE_DB_PER_OCTAVE: Final = -4.7
"""Aim of the tilt for an even mood; what comes after it, above all on kick and 808, gives 0.2 or
more back."""
SLOPES_DB_PER_OCTAVE: Final = (-5.3, -4.15)
"""The darkest and the brightest aim of any mood."""
SLOPE_BY: Final = {"valence": 0.1, "energy": 0.3, "warmth": -0.5, "haze": -0.42}
"""How far each axis of the mood moves the aim."""

COLOURS: Final = (
    ("warmth", 220.0, 2.2),
    ("haze", 800.0, 2.2),
    ("energy", 2_600.0, 2.4),
)
"""What the axes add to the aim: a broad bell's centre [Hz] and its height [dB] where the axis is 1.
Warmth has body, haze a veil, energy presence; their opposites
lack it."""
_COLOUR_OCTAVES = 0.8

_MOST_TILT_DB = 3.0
_TONE_SHARE = 0.85
_MOST_TONE_DB = 4.0
_MUD_HZ, _MUD_OCTAVES = 283.0, 0.6
_CLEAR_OVER_DB, _MOST_MUD_DB = 2.5, 3.0
"""How far 200 to 400 Hz of a section may stand over the whole song's slope, and what it yields at
most where they stand higher."""
_UNTOUCHED_HZ = 60.0
"""Down here kick and 808 stand as they were mixed, whatever the rest lacks."""

_BUMP_WINDOW = np.hanning(5)[1:-1] / np.hanning(5).sum()

_LOW_CUT_HZ = 20.0
_HIGH_CUT_HZ = (12_500.0, 16_000.0)
_TAPS = 8_192
_GRID = 32_768

_NOTHING_DBFS = -100.0
_GLUE_DB = 1.5
_GLUE_MEMORY_S = 6.0
_GLUE_AHEAD_S = 1.0
_LOUD_HOPS_DB = -1.3
"""The loudest tenth of a song's hops [dBFS], over the loudness of its hooks [LUFS]."""
_USUAL_LUFS = -14.0
_TAPE_DB = 1.5
_TAPE_BY_ENERGY_DB = 1.0
_MOST_TAPE_DB = 11.0
_TAPE_RESERVE_DB = 1.5
_LIMITER_DB = 3.0

USUAL_PEAK_DB: Final = 21.0
"""Largest peak of a song before the tape [dBFS], over its loudness [LUFS]."""
MASTERED_LU: Final[Mapping[Role, float]] = {
    "hook": 0.0,
    "verse": 0.6,
    "bridge": -0.25,
    "intro": -0.9,
    "outro": -0.3,
}
"""How the master moves a section against the hooks: tilt and tape take unlike things from each."""
_MOST_AMENDS_LU = 0.5
_SHORT_LU = 0.05
"""How far songs have come out under what was asked for."""
_SILENT_SHARE = 0.2
"""How much of an outro is over before the song's end."""

_USUAL_BANDS_DB: Final = (
    *(-33.3, -34.0, -32.2, -29.7, -28.8, -29.2, -28.8, -31.3, -33.7, -33.9),
    *(-37.6, -41.4, -44.4, -47.8, -50.2, -52.7, -54.8, -55.6, -56.3, -59.8),
)
"""Power densities of the third octaves of mixes [dB], over their loudness [LUFS]: what a tone is
solved for while only the beginning of a song is known."""

_FADE_S = 1.5
_START_S = 0.005
_GLIDE_S = 0.25
_ROUNDS = 6
_TOLERANCE_LU = 0.02
_SILENT = np.float32(1e-6)
_PEAK_MARGIN_DB = 4.0
_PEAK_REACH = 64
_MEMORY_BLOCKS = 1_500
"""Blocks after which a limiter has come back from anything."""
_FRAMES_PER_S = 2.7


def finish(mix: Mix) -> tuple[Audio, Measures]:
    """Master a whole mix; see :class:`Master`.

    Parameters
    ----------
    mix : Mix
        Its brief says how loud the master shall be; ``rides_db`` how each section is to lie.

    Returns
    -------
    audio : Audio
        As long as the mix.
    measures : Measures
        Measured on ``audio``.
    """
    plan = mix.plan
    master = Master(plan)
    rides = dict(mix.rides_db)
    out = np.empty_like(mix.audio.samples)
    for piece in pieces(plan.score):
        start = master.taken
        master.room(piece.stop)[:] = mix.audio.samples[:, start : piece.stop]
        master.solve(rides.get(f"{piece.name}/under_hook", 0.0))
        start, block = master.finished()
        out[:, start : start + block.shape[1]] = block
    return Audio.take(out), master.measures()


class Master:
    """Masters a mix section by section: tilt, glue, tape, limiter.

    How loud each section shall be is known from the form before anything is heard; each is
    measured as it comes, and what one has missed is made up by the next ones.

    Parameters
    ----------
    plan : Plan
        Its brief says how loud the master shall be: to 0.2 LU, with a true peak of at most
        −1.4 dBTP, and the limiter works 3 dB at most; for a loudness that the mix cannot reach so,
        first the tape and then the limiter do more. What its ``desk`` holds is taken over.

    Attributes
    ----------
    taken, done : int [samples]
        Up to where the mix has come and the master has gone.
    record : dict of str to float
        Each section's gain, tape and tone, by name: ``"hook/gain"`` [dB], ``"hook/tape"`` [dBFS of
        the knee], ``"hook/tone/07"`` [dB].
    """

    def __init__(self, plan: Plan) -> None:
        score = plan.score
        self._score, self._given = score, dict(plan.desk)
        self._n, self._pieces = score.n_samples, pieces(score)
        self.taken = self.done = 0
        self.record: dict[str, float] = {}
        self._mix, self._even = reel(2, self._n), reel(2, self._n)
        self._solved = self._equalised = 0
        self._under: list[float] = []
        self._power = np.zeros(len(_USUAL_BANDS_DB))
        self._heard: dict[str, Values] = {}  # by role: what comes is like what was
        self._response: Signal | None = None
        self._gain_db, self._knee = 0.0, 0.0
        self._hottest_db = -120.0
        self._before: Signal | None = None
        self._glue = _Glue(self._n, self._loudest_lufs())
        self._knees: list[tuple[int, int, float, float]] = []
        self._limiters = (_Limiter(self._n), _Limiter(self._n))
        self._taped = 0
        self._meters = _Meters(score)

    def room(self, stop: int) -> Signal:
        """Return where the next stretch of the mix is to be added, up to ``stop`` [samples].

        Returns
        -------
        np.ndarray [shape=(2, stop - taken)], float32
            Silent; stays the master's.
        """
        start, self.taken = self.taken, stop
        claim(self._mix, start, stop)
        return self._mix[:, start:stop]

    def solve(self, under_hook_lu: float) -> None:
        """Set the next piece, of which all that can be mixed has been taken.

        Parameters
        ----------
        under_hook_lu : float [LU]
            How it lies to the hooks in the mix.
        """
        piece = self._pieces[self._solved]
        self._under.append(under_hook_lu)
        start, stop = self._equalised, self.taken
        begin = min(max(start, piece.start), stop)
        self._tone(piece, begin, stop)
        self._equalise(start, stop)
        glide = max(begin - start, min(round(_GLIDE_S * SAMPLE_RATE), stop - start))
        glide = min(-(-glide // automation.HOP) * automation.HOP, stop - start)
        before = self._gain_db, self._knee
        self._loud(piece, begin, stop)
        if not self._solved:
            before = self._gain_db, self._knee
        hops = np.arange(-(-(stop - start) // automation.HOP) + 1)
        ramp = np.interp(hops * automation.HOP, (0, max(glide, 1)), (before[0], self._gain_db))
        loops.ride(
            self._even[:, start:stop], automation.decibels(ramp.astype(np.float32)), automation.HOP
        )
        self._knees.append((start, start + glide, before[1], self._knee))
        self._glue.take(self._even[:, start:stop], start)
        self._solved += 1
        self._equalised = stop

    def finished(self) -> tuple[int, Signal]:
        """Return what is finished: its first sample and the samples [shape=(2, n)]."""
        last = self._solved == len(self._pieces)
        stop = self._n if last else self._glue.ready
        start = self._taped
        if stop > start:
            self._glue.apply(self._even, start, stop)
            for first, end, knee in self._bends(start, stop):
                dynamics.saturate(self._even[:, first:end], knee)
            self._taped = stop
        for limiter in self._limiters:
            stop = limiter.play(self._even, stop, last=last)
        begun, self.done = self.done, stop
        self._meters.take(self._even, begun, stop)
        block = self._even[:, begun:stop].copy()
        release(self._mix, 0, max(0, self._equalised - _TAPS - SAMPLE_RATE))
        release(self._even, 0, max(0, stop - SAMPLE_RATE))
        return begun, block

    def measures(self) -> Measures:
        """Say what the meters read of all that is finished."""
        return self._meters.read(max(limiter.most_db for limiter in self._limiters))

    @property
    def outline(self) -> Outline:
        """What is finished, seen from afar."""
        return self._meters.outline

    def _kept(self, name: str, found: float) -> float:
        self.record[name] = self._given.get(name, round(found, 3))
        return self.record[name]

    def _tone(self, piece: Piece, start: int, stop: int) -> None:
        """Solve the tone on what has been heard and what usually follows; keep its response."""
        power = np.zeros(len(_USUAL_BANDS_DB))
        if stop > start:
            frames = max(8, round((stop - start) / SAMPLE_RATE * _FRAMES_PER_S))
            found = spectrum.power_spectrum(
                self._mix[:, start:stop], SAMPLE_RATE, max_frames=frames
            )
            power = 10.0 ** (spectrum.band_levels(*found)[1] / 10.0) * (stop - start)
        self._power += power
        if power.any():
            self._heard[piece.section.role] = power / (stop - start)
        usual = 10.0 ** (np.asarray(_USUAL_BANDS_DB) / 10.0)
        total = self._power.copy()
        for i in range(self._solved + 1, len(self._pieces)):
            coming = self._pieces[i]
            level_db = USUAL_HOOK_LUFS + COMMON_DB + self._under_of(i)
            like = self._heard.get(coming.section.role, usual * 10.0 ** (level_db / 10.0))
            total += like * (coming.stop - coming.start)
        if total.any():
            levels = 10.0 * np.log10(np.maximum(total / self._n, 1e-20))
            tone = _tone_db(levels, self._score.form.mood)
            own = 10.0 * np.log10(np.maximum(power / max(stop - start, 1), 1e-20))
            tone -= _mud_db(levels + tone, own + tone)
        else:
            tone = np.zeros(len(usual))
        tone = np.array(
            [self._kept(f"{piece.name}/tone/{i:02d}", db) for i, db in enumerate(tone.tolist())]
        )
        self._before, self._response = self._response, _response(tone, self._score.form.mood)

    def _under_of(self, index: int) -> float:
        """Return how a section lies to the hooks, or will, as far as that is known."""
        if index < len(self._under):
            return self._under[index]
        role = self._pieces[index].section.role
        return sum(under_hook_lu(role, self._score.form.mood)) / 2.0

    def _equalise(self, start: int, stop: int) -> None:
        """Filter a stretch; the tone of the section before gives way in its first moments."""
        assert self._response is not None
        out = self._even[:, start:stop]
        spectrum.convolve_stretch(self._mix, self._response, start, stop, out)
        fade = min(round(_GLIDE_S * SAMPLE_RATE), stop - start)
        if self._before is not None and fade and not np.array_equal(self._before, self._response):
            old = np.empty((2, fade), np.float32)
            spectrum.convolve_stretch(self._mix, self._before, start, start + fade, old)
            out[:, :fade] += np.linspace(1.0, 0.0, fade, dtype=np.float32) * (old - out[:, :fade])
        _fade(out, start, self._n)

    def _loud(self, piece: Piece, start: int, stop: int) -> None:
        """Find the gain and the knee of the tape that bring a section to its loudness."""
        x = self._even[:, start:stop]
        aim = self._aim_lufs()
        gain_db, knee = self._gain_db, self._knee or 1.0
        peak_db = 20.0 * float(np.log10(max(loops.peak(x), 1e-6)))
        if stop - start > SAMPLE_RATE // 2 and peak_db > _NOTHING_DBFS:
            trial = _Trial(x, self._glue.threshold_db)
            gain_db = aim - trial.natural_lufs
            for _ in range(_ROUNDS):
                peak_db = trial.glued(gain_db)
                knee = self._knee_at(peak_db)
                lacks_lu = aim - trial.loudness_lufs(gain_db, knee)
                gain_db += lacks_lu
                if abs(lacks_lu) < _TOLERANCE_LU:
                    break
            self._hottest_db = max(self._hottest_db, peak_db)
        self._gain_db = self._kept(f"{piece.name}/gain", gain_db)
        knee_db = 20.0 * float(np.log10(knee))
        self._knee = 10.0 ** (self._kept(f"{piece.name}/tape", knee_db) / 20.0)

    def _knee_at(self, peak_db: float) -> float:
        """Return the tape's knee: the limiter should not have to do too much."""
        mood = self._score.form.mood
        hottest_db = max(self._peak_db(), peak_db)
        work_db = hottest_db - CEILING_DBTP - _LIMITER_DB + _TAPE_RESERVE_DB
        most_db = _MOST_TAPE_DB + max(0.0, mood.brief.loudness_lufs - _USUAL_LUFS)
        least_db = _TAPE_DB + _TAPE_BY_ENERGY_DB * mood.energy
        tape_db = float(np.clip(work_db, least_db, most_db))
        return dynamics.knee_for(10.0 ** (hottest_db / 20.0), tape_db)

    def _peak_db(self) -> float:
        """Return the largest peak before the tape, as far as it is known [dBFS]."""
        usual = self._score.form.mood.brief.loudness_lufs + USUAL_PEAK_DB
        hooks = any(p.section.role == "hook" for p in self._pieces[: self._solved + 1])
        return self._hottest_db if hooks else max(usual, self._hottest_db)

    def _loudest_lufs(self) -> float:
        """Return the loudness of the hooks at which the song meets its own, by its form alone."""
        return self._solve_hooks(np.zeros(0))

    def _aim_lufs(self) -> float:
        """Return how loud the section that is set now shall be."""
        first = self._solved == 0
        hooks = self._loudest_lufs() if first else self._solve_hooks(self._meters.energies)
        usual = self._loudest_lufs()
        bounds = usual - _MOST_AMENDS_LU, usual + _MOST_AMENDS_LU
        role = self._pieces[self._solved].section.role
        hooks = min(max(hooks, bounds[0]), bounds[1])
        return hooks + self._under_of(self._solved) + MASTERED_LU[role]

    def _solve_hooks(self, heard: Values) -> float:
        """Find the hooks' loudness that takes the whole song to what was asked for."""
        target = self._score.form.mood.brief.loudness_lufs + _SHORT_LU
        step_s = 0.1
        begun = len(heard) * step_s
        rows: list[tuple[int, float]] = []
        for i, piece in enumerate(self._pieces):
            end_s = piece.stop / SAMPLE_RATE
            if piece.section.role == "outro":
                end_s -= _SILENT_SHARE * self._score.seconds_at(piece.section.duration_beats)
            left_s = end_s - max(piece.start / SAMPLE_RATE, begun)
            level = self._under_of(i) + MASTERED_LU[piece.section.role]
            rows.append((max(0, round(left_s / step_s)), level))
        hooks = target
        for _ in range(_ROUNDS):
            levels = np.repeat([hooks + level for _, level in rows], [count for count, _ in rows])
            coming = 10.0 ** ((levels - OFFSET_LUFS) / 10.0)
            hooks += target - Meter(np.concatenate((heard, coming))).integrated
        return hooks

    def _bends(self, start: int, stop: int) -> Iterator[tuple[int, int, float]]:
        """Yield stretches with the knee of their tape; it moves in small steps."""
        for index, (first, settled, before, after) in enumerate(self._knees):
            end = self._knees[index + 1][0] if index + 1 < len(self._knees) else self._n
            for low in range(max(first, start), min(settled, stop), automation.HOP):
                share = (low - first) / max(settled - first, 1)
                bend = (1.0 - share) * before**-2.0 + share * after**-2.0
                yield low, min(low + automation.HOP, settled, stop), bend**-0.5
            low = max(settled, start)
            if low < min(end, stop):
                yield low, min(end, stop), after


class _Trial:
    """A section on which gains are tried out: what glue, tape and limiter would make of it.

    Each is reckoned with at its own steps: the song itself goes through them once, at the end.
    """

    def __init__(self, x: Signal, threshold_db: float) -> None:
        self._threshold_db = threshold_db
        self._meter = meter(x)
        self._levels_db = dynamics.hop_levels_db(x, automation.HOP)
        self._peaks = np.max([loops.peaks(row, dynamics.LIMITER_HOP) for row in x], axis=0)
        self._frames = glimpses(x)
        self._glimpsed_lufs = glimpsed(self._frames).integrated
        self._moved_db, self._glued = np.zeros(0), np.zeros(0)
        self.natural_lufs = self._meter.integrated

    def glued(self, gain_db: float) -> float:
        """Send the section through the glue at a gain; return its peak then [dBFS]."""
        from scipy.ndimage import uniform_filter1d

        hop_s = automation.HOP / SAMPLE_RATE
        glue_db = dynamics.compressor_gain_db(
            self._levels_db + np.float32(gain_db), hop_s, threshold_db=self._threshold_db
        )
        glue_db = glue_db - uniform_filter1d(glue_db, round(_GLUE_MEMORY_S / hop_s), mode="nearest")
        blocks = np.arange(len(self._peaks)) * (dynamics.LIMITER_HOP / automation.HOP)
        self._moved_db = np.interp(blocks, np.arange(len(glue_db)), glue_db)
        self._glued = self._peaks * 10.0 ** ((gain_db + self._moved_db) / 20.0)
        return 20.0 * float(np.log10(max(float(self._glued.max()), 1e-6)))

    def loudness_lufs(self, gain_db: float, knee: float) -> float:
        """Return how loud the glued section is at a gain and a knee of the tape."""
        moved_db = self._moved_db.copy()
        peaks = self._glued.copy()
        peaks /= np.sqrt(1.0 + (peaks / knee) ** 2)
        over_db = 20.0 * np.log10(np.maximum(peaks, _SILENT)) - CEILING_DBTP
        moved_db += dynamics.limiter_gain_db(over_db.astype(np.float32), SAMPLE_RATE)[:-1]
        power = np.concatenate(([0.0], np.cumsum(10.0 ** (moved_db / 10.0))))
        energies = self._meter.energies
        edges = np.arange(len(energies) + 1) * (0.1 * SAMPLE_RATE / dynamics.LIMITER_HOP)
        mean = np.diff(np.interp(edges, np.arange(len(power)), power)) / np.diff(edges)
        tried = self._frames * np.float32(10.0 ** (gain_db / 20.0))
        dynamics.saturate(tried.reshape(2, -1), knee)
        taken = glimpsed(tried).integrated - self._glimpsed_lufs - gain_db
        return Meter(energies * mean).integrated + gain_db + taken


class _Glue:
    """Compresses 2:1 with 30 ms of attack, by about 1.5 dB where the song is loud.

    What the gain does over several seconds is given back: glue holds a bar together, and must not
    take the hook's lift.
    """

    def __init__(self, n: int, loudest_lufs: float) -> None:
        hops = -(-n // automation.HOP)
        self._n = n
        self.threshold_db = loudest_lufs + _LOUD_HOPS_DB - 2.0 * _GLUE_DB
        self._gain_db = np.zeros(hops + 1, np.float32)
        self._state = 0.0
        self._taken = 0
        self.ready = 0

    def take(self, x: Signal, start: int) -> None:
        """Measure the next stretch."""
        first = start // automation.HOP
        levels = dynamics.hop_levels_db(x, automation.HOP)
        gain_db = dynamics.compressor_gain_db(
            levels,
            automation.HOP / SAMPLE_RATE,
            threshold_db=self.threshold_db,
            before_db=self._state,
        )
        self._gain_db[first : first + len(gain_db)] = gain_db
        self._state = float(gain_db[-1])
        self._taken = start + x.shape[1]
        ahead = round(_GLUE_AHEAD_S * SAMPLE_RATE)
        self.ready = max(self.ready, (self._taken - ahead) // automation.HOP * automation.HOP)

    def apply(self, x: Signal, start: int, stop: int) -> None:
        """Multiply a stretch, of which all is known that is needed, in place."""
        hop = automation.HOP
        first, last = start // hop, -(-stop // hop)
        ahead = round(_GLUE_AHEAD_S * SAMPLE_RATE / hop)
        behind = round(_GLUE_MEMORY_S * SAMPLE_RATE / hop) - ahead
        total = np.concatenate(([0.0], np.cumsum(self._gain_db, dtype=np.float64)))
        at = np.arange(first, last + 1)
        known = min(self._taken // hop, len(self._gain_db))
        low = np.maximum(at - behind, 0)
        high = np.maximum(np.minimum(at + ahead, known), low + 1)
        slow = (total[high] - total[low]) / (high - low)
        gain = automation.decibels((self._gain_db[first : last + 1] - slow).astype(np.float32))
        loops.ride(x[:, start:stop], gain, hop)


class _Limiter:
    """A look-ahead limiter on true peaks, stretch by stretch."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._over = np.zeros(0, np.float32)
        self._first = 0  # the block that `over` begins with
        self._done = 0
        self.most_db = 0.0

    def play(self, x: Signal, stop: int, *, last: bool) -> int:
        """Limit in place what is known up to ``stop``; return up to where it is done."""
        hop = dynamics.LIMITER_HOP
        known = self._n if last else max(0, (stop - _PEAK_REACH) // automation.HOP * automation.HOP)
        begin = (self._first + len(self._over)) * hop
        if known > begin:
            low, high = max(0, begin - 2 * hop), min(known + 2 * hop, stop)
            above = 10.0 ** ((CEILING_DBTP - _PEAK_MARGIN_DB) / 20.0)
            peaks = block_peaks(x[:, low:high], above)
            skipped = (begin - low) // hop
            peaks = peaks[skipped : skipped + -(-(known - begin) // hop)]
            over = np.float32(20.0) * np.log10(np.maximum(peaks, _SILENT)) - CEILING_DBTP
            self._over = np.concatenate((self._over, over.astype(np.float32)))
        ready = known if last else max(0, known - automation.HOP)
        start, self._done = self._done, max(self._done, ready)
        if self._done > start:
            gain_db = dynamics.limiter_gain_db(self._over, SAMPLE_RATE)
            offset = start // hop - self._first
            control = gain_db[offset : offset + -(-(self._done - start) // hop) + 1]
            self.most_db = max(self.most_db, -float(control.min()))
            if control.any():
                loops.ride(x[:, start : self._done], automation.decibels(control), hop)
            kept = max(self._first, self._done // hop - _MEMORY_BLOCKS)
            self._over, self._first = self._over[kept - self._first :], kept
        return self._done


class _Meters:
    """What a meter says of a master that comes stretch by stretch."""

    def __init__(self, score: Score) -> None:
        self._score = score
        self.energies: Values = np.zeros(0)
        self._step = round(0.1 * SAMPLE_RATE)
        self._peak = 0.0
        self._pairs = np.zeros(3)
        self._frequencies: Values | None = None
        self._power: Values = np.zeros(0)
        self._outlines: list[Outline] = []

    @property
    def outline(self) -> Outline:
        """The whole song from afar."""
        return Outline(
            np.concatenate([row.peaks for row in self._outlines]),
            np.concatenate([row.levels for row in self._outlines]),
        )

    def take(self, song: Signal, start: int, stop: int) -> None:
        """Read the next stretch of a song [shape=(2, score.n_samples)]."""
        if stop <= start:
            return
        x = song[:, start:stop]
        self._outlines.append(outline(x))
        self._measure(song, stop)
        most = max(self._peak, loops.peak(x), 1e-6)
        above = most * 10.0 ** (-_PEAK_MARGIN_DB / 20.0)
        peaks = block_peaks(song[:, max(0, start - 16) : stop], above)
        self._peak = max(self._peak, float(peaks.max(initial=0.0)))
        self._pairs += [float(np.dot(x[a], x[b])) for a, b in ((0, 0), (1, 1), (0, 1))]
        count = max(1, round(x.shape[1] / SAMPLE_RATE * _FRAMES_PER_S))
        self._frequencies, power = spectrum.power_spectrum(x, SAMPLE_RATE, max_frames=count)
        self._power = power * x.shape[1] + (self._power if len(self._power) else 0.0)

    def _measure(self, song: Signal, known: int) -> None:
        """Read whole steps of 100 ms; the filter begins two steps early."""
        step = self._step
        begun = len(self.energies) * step
        stop = known // step * step
        if known == self._score.n_samples and not len(self.energies):
            stop = max(stop, step)
        if stop <= begun:
            return
        early = max(0, begun - 2 * step)
        found = meter(song[:, early:stop]).energies
        self.energies = np.concatenate((self.energies, found[(begun - early) // step :]))

    def read(self, limiter_db: float) -> Measures:
        """Return the measures of all that was taken."""
        score, found = self._score, Meter(self.energies)
        sections = tuple(
            (
                section.name,
                found.between(
                    score.seconds_at(section.start_beats), score.seconds_at(section.end_beats)
                ).integrated,
            )
            for section in score.form.sections
        )
        left, right, both = self._pairs
        assert self._frequencies is not None
        slope = spectrum.slope_db_per_octave(self._frequencies, self._power)
        return Measures(
            loudness_lufs=found.integrated,
            true_peak_dbtp=20.0 * float(np.log10(max(self._peak, 1e-6))),
            loudness_range_lu=found.loudness_range,
            sections_lufs=sections,
            spectrum_slope_db_per_octave=slope,
            correlation=float(both) / max(float(np.sqrt(left * right)), 1e-12),
            limiter_db=limiter_db,
        )


def _response(tone: Values, mood: Mood) -> Signal:
    """Return the filter of a tone, without rumble and without glare."""
    frequencies = np.linspace(0.0, SAMPLE_RATE / 2, _GRID + 1)
    frequencies[0] = 0.1
    octaves = np.log2(_centres() / 1_000.0)
    octaves = np.insert(octaves, 0, np.log2(_UNTOUCHED_HZ / 1_000.0))
    wanted = np.insert(tone, 0, 0.0)
    gain_db = np.interp(np.log2(frequencies / 1_000.0), octaves, wanted)
    gain_db -= 10.0 * np.log10(1.0 + (_LOW_CUT_HZ / frequencies) ** 4)
    clean, hazy = _HIGH_CUT_HZ[1], _HIGH_CUT_HZ[0]
    high_cut_hz = clean * (hazy / clean) ** ((mood.haze + 1.0) / 2.0)
    gain_db -= 10.0 * np.log10(1.0 + (frequencies / high_cut_hz) ** 12)
    return spectrum.minimum_phase(gain_db, _TAPS)


@cache
def _centres() -> Values:
    frequencies = np.arange(0.0, SAMPLE_RATE / 2 + 1.0, SAMPLE_RATE / 8_192)
    return spectrum.band_levels(frequencies, np.ones(len(frequencies)))[0]


def _aim(mood: Mood, octaves: Values) -> tuple[float, Values]:
    """Return the slope [dB/octave] that a mood wants and its colour [dB] around it."""
    slope = SLOPE_DB_PER_OCTAVE + sum(by * getattr(mood, axis) for axis, by in SLOPE_BY.items())
    colour = np.zeros_like(octaves)
    for axis, centre_hz, height_db in COLOURS:
        away = (octaves - np.log2(centre_hz / 1_000.0)) / _COLOUR_OCTAVES
        colour += height_db * getattr(mood, axis) * np.exp(-(away**2) / 2.0)
    # The slope is the tilt's alone.
    colour -= np.polyval(np.polyfit(octaves, colour, 1), octaves)
    return float(np.clip(slope, *SLOPES_DB_PER_OCTAVE)), colour


def _tone_db(levels: Values, mood: Mood) -> Values:
    """Draw the correction toward the wanted spectrum: most of the bumps, the tilt in full.

    ``levels`` are those of the third octaves of :func:`halation.dsp.spectrum.band_levels` [dB], and
    so is what is returned.
    """
    octaves = np.log2(_centres() / 1_000.0)
    line = np.polyval(np.polyfit(octaves, levels, 1), octaves)
    bumps = np.convolve(np.pad(levels - line, 1, mode="edge"), _BUMP_WINDOW, mode="valid")
    slope, colour = _aim(mood, octaves)
    tone = np.clip(_TONE_SHARE * (colour - bumps), -_MOST_TONE_DB, _MOST_TONE_DB)
    lacks = slope - float(np.polyfit(octaves, levels + tone, 1)[0])
    reach = float(np.abs(octaves).max())
    tilt = float(np.clip(lacks, -_MOST_TILT_DB / reach, _MOST_TILT_DB / reach))
    return np.asarray(tone + tilt * octaves)


def _mud_db(whole: Values, own: Values) -> Values:
    """Draw what a section must yield where voices and rooms pile up [dB].

    ``whole`` and ``own`` are the spectra of the song and of the section, as in :func:`_tone_db`.
    """
    octaves = np.log2(_centres() / 1_000.0)
    away = np.log2(_centres() / _MUD_HZ)
    line = SLOPE_DB_PER_OCTAVE * octaves
    line += (whole - line).mean()
    inside = np.abs(away) < 0.5
    over = 10.0 * np.log10(np.mean(10.0 ** ((own - line)[inside] / 10.0)))
    mud_db = np.clip(over - _CLEAR_OVER_DB, 0.0, _MOST_MUD_DB)
    return np.asarray(mud_db * np.exp(-((away / _MUD_OCTAVES) ** 2) / 2.0))


def _fade(x: Signal, start: int, n: int) -> None:
    """Start a song of ``n`` samples from nothing within 5 ms, and end it within 1.5 s, in place.

    ``x`` is its stretch that begins at ``start``.
    """
    stop = start + x.shape[1]
    rise = min(round(_START_S * SAMPLE_RATE), n)
    if start < rise:
        ramp = np.linspace(0.0, 1.0, rise, dtype=np.float32)[start : min(rise, stop)]
        x[:, : len(ramp)] *= ramp
    length = min(round(_FADE_S * SAMPLE_RATE), n)
    if stop > n - length:
        fall = np.cos(np.linspace(0.0, np.pi / 2, length)) ** 4
        first = max(start, n - length)
        x[:, first - start :] *= fall[first - (n - length) : stop - (n - length)].astype(np.float32)
