from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from halation.stems.patches import PATCHES, patch
from halation.stems.patches.pads import PADS, Pad
from halation.stems.patches.struck import VARIANTS, Struck
from halation.stems.patches.voice import Memory
from halation.types import SAMPLE_RATE, BackendError, Note
from tests.synth_scores import part_of, played

Signal = NDArray[np.float32]

HELD = [pad.name for pad in PADS if pad.name != "supersaw"]
STRUCK = [name for name, sound in PATCHES.items() if isinstance(sound, Struck)]


def seconds(x: Signal, start: float, end: float) -> Signal:
    return x[..., round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]


def level_db(x: Signal) -> float:
    return float(10 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-20))


def cents_off(x: Signal, pitch: int) -> float:
    """Return how far the fundamental's centre of power lies from its pitch."""
    wanted = 440.0 * 2 ** ((pitch - 69) / 12)
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)), 4 * len(x))) ** 2
    frequency = np.fft.rfftfreq(4 * len(x), 1 / SAMPLE_RATE)
    near = np.abs(np.log2(np.maximum(frequency, 1) / wanted)) < 0.5 / 12
    centre = np.sum(power[near] * frequency[near]) / np.sum(power[near])
    return float(1200 * np.log2(centre / wanted))


def centroid_hz(x: Signal) -> float:
    power = np.abs(np.fft.rfft(x)) ** 2
    frequency = np.fft.rfftfreq(len(x), 1 / SAMPLE_RATE)
    return float(np.sum(power * frequency) / np.sum(power))


def test_every_promised_patch_is_there() -> None:
    promised = (
        "glass warm choirpad strings halo organ supersaw fm_bell ice celesta music_box "
        "string kalimba harp koto flute ocarina airbrass 808"
    )
    assert set(promised.split()) <= set(PATCHES)


def test_an_unknown_patch_says_which_are_known() -> None:
    with pytest.raises(BackendError, match=r"did you mean 'glass'.*known: .*kalimba"):
        patch("glas")


@pytest.mark.parametrize("name", PATCHES)
def test_a_note_sounds_when_it_is_written_and_ends_without_a_click(name: str) -> None:
    sound = played(part_of(name, Note(1.0, 1.0, 60, 100, 0.02), release_s=0.8), bars=2)
    assert sound.shape == (2, 4 * SAMPLE_RATE)
    assert sound.dtype == np.float32
    onset = round(0.52 * SAMPLE_RATE)
    assert not sound[:, :onset].any()
    heard = np.flatnonzero(np.abs(sound).max(axis=0) > 1e-3)
    assert heard[0] - onset < 0.15 * SAMPLE_RATE
    assert level_db(seconds(sound, 3.0, 4.0)) < -70
    assert abs(sound.mean()) < 1e-4
    assert -20 < 20 * np.log10(np.abs(sound).max()) < -6
    # A click is a step: energy above all partials just where the sound stops.
    last = heard[-1]
    assert np.abs(np.diff(sound[:, last - 50 : last + 400], axis=1)).max() < 2e-3


@pytest.mark.parametrize("name", PATCHES)
def test_nothing_lies_above_hearing(name: str) -> None:
    sound = played(part_of(name, Note(0.0, 3.0, 93, 115)), bars=1)
    power = np.abs(np.fft.rfft(sound[0])) ** 2
    high = np.fft.rfftfreq(sound.shape[1], 1 / SAMPLE_RATE) > 18_000
    assert power[high].sum() < 1e-5 * power.sum()


@pytest.mark.parametrize("name", [*STRUCK, "flute", "ocarina", "airbrass", "808"])
@pytest.mark.parametrize("pitch", [48, 67, 84, 96])
def test_in_tune(name: str, pitch: int) -> None:
    sound = played(part_of(name, Note(0.0, 5.0, pitch, 90), vibrato_cents=0.0))
    assert abs(cents_off(seconds(sound.mean(axis=0), 0.4, 2.4), pitch)) < 3


@pytest.mark.parametrize("pad", PADS, ids=lambda pad: pad.name)
def test_pads_are_in_tune_around_their_pitch(pad: Pad) -> None:
    for pitch in (48, 72, 96):
        table = pad.table(pitch, bright=False)
        power = np.abs(np.fft.rfft(table[0].astype(np.float64))) ** 2
        frequency = np.fft.rfftfreq(table.shape[1], pad.step / SAMPLE_RATE)
        wanted = 440.0 * 2 ** ((pitch - 69) / 12)
        near = np.abs(np.log2(np.maximum(frequency, 1) / wanted)) < 1.5 / 12
        centre = np.sum(power[near] * frequency[near]) / np.sum(power[near])
        assert abs(1200 * np.log2(centre / wanted)) < 3


@pytest.mark.parametrize("name", PATCHES)
def test_a_harder_touch_is_louder_and_brighter(name: str) -> None:
    soft, hard = (
        seconds(played(part_of(name, Note(0.0, 4.0, 64, velocity))).mean(axis=0), 0.0, 2.0)
        for velocity in (45, 115)
    )
    assert 5 < level_db(hard) - level_db(soft) < 20
    assert centroid_hz(hard) > 1.01 * centroid_hz(soft)


@pytest.mark.parametrize("name", HELD)
def test_a_held_pad_never_stands_still(name: str) -> None:
    chord = [Note(0.0, 18.0, pitch, 85) for pitch in (45, 52, 57, 60, 64)]
    changes_db = []
    for seed in (7, 8, 9):
        sound = played(part_of(name, *chord), bars=6, seed=seed).mean(axis=0)
        bands_db = np.array([_bands_db(seconds(sound, s, s + 1)) for s in range(2, 9)])
        changes_db.append(np.abs(np.diff(bands_db, axis=0)).mean(axis=1))
    assert np.median(np.min(changes_db, axis=1)) > 0.4
    assert np.mean(changes_db) > 0.8


def _bands_db(second: Signal) -> list[float]:
    power = np.abs(np.fft.rfft(second)) ** 2
    edges_hz = np.geomspace(200, 6400, 11).tolist()
    return [
        10 * np.log10(power[round(low) : round(high)].sum()) for low, high in pairwise(edges_hz)
    ]


@pytest.mark.parametrize("name", HELD)
def test_a_pad_is_wide_full_and_not_harsh(name: str) -> None:
    chord = [Note(0.0, 18.0, pitch, 85) for pitch in (45, 52, 57, 60, 64, 71)]
    sound = seconds(played(part_of(name, *chord), bars=6), 1.0, 9.0)
    assert 0.1 < np.asarray(np.corrcoef(sound))[0, 1] < 0.85
    power = (np.abs(np.fft.rfft(sound, axis=1)) ** 2).mean(axis=0)
    frequency = np.fft.rfftfreq(sound.shape[1], 1 / SAMPLE_RATE)
    centres = 100 * 2 ** (np.arange(20) / 3)
    third = 2 ** (1 / 6)
    level = [
        10 * np.log10(power[(frequency > c / third) & (frequency < c * third)].mean())
        for c in centres
    ]
    assert -9.5 < np.polyfit(np.log2(centres), level, 1)[0] < -4


def test_attack_and_release_follow_their_settings() -> None:
    note = Note(0.0, 8.0, 60, 100)
    slow, fast = (
        played(part_of("warm", note, attack_s=attack_s, release_s=1.0), bars=4)
        for attack_s in (2.0, 0.05)
    )
    assert level_db(seconds(slow, 0.1, 0.4)) < level_db(seconds(fast, 0.1, 0.4)) - 12
    assert level_db(seconds(slow, 3.0, 4.0)) == pytest.approx(level_db(seconds(fast, 3.0, 4.0)), 1)
    assert level_db(seconds(slow, 4.95, 5.2)) < -80


@pytest.mark.parametrize("name", ["fm_bell", "ice", "celesta", "music_box"])
def test_bells_ring_long_and_are_not_harsh(name: str) -> None:
    sound = played(part_of(name, Note(0.0, 0.5, 76, 85)), bars=3)
    early, late = (level_db(seconds(sound, at, at + 0.2)) for at in (0.1, 1.6))
    assert -45 < late - early < -12
    power = (np.abs(np.fft.rfft(sound, axis=1)) ** 2).mean(axis=0)
    high = np.fft.rfftfreq(sound.shape[1], 1 / SAMPLE_RATE) > 6000
    assert power[high].sum() < 0.02 * power.sum()


@pytest.mark.parametrize("name", STRUCK)
def test_no_two_struck_notes_in_a_row_are_the_same(name: str) -> None:
    sound = played(part_of(name, Note(0.0, 1.0, 72, 90), Note(4.0, 1.0, 72, 90)))
    first, second = seconds(sound, 0.0, 1.0), seconds(sound, 2.0, 3.0)
    assert VARIANTS > 1
    assert np.abs(first - second).max() > 0.02 * np.abs(first).max()


def turning_pitch(sound: Signal, start: float, end: float) -> float:
    """Return the mean frequency by counting rises through zero."""
    x = seconds(sound[0], start, end)
    rises = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    return float((len(rises) - 1) * SAMPLE_RATE / (rises[-1] - rises[0]))


def test_the_808_glides_without_a_new_attack_where_notes_overlap() -> None:
    slide = part_of("808", Note(0.0, 4.2, 36, 100), Note(4.0, 3.0, 43, 100), glide_s=0.1, drive=0.0)
    sound = played(slide)
    assert turning_pitch(sound, 1.0, 1.9) == pytest.approx(65.41, rel=2e-3)
    assert turning_pitch(sound, 2.2, 3.2) == pytest.approx(98.0, rel=2e-3)
    between = turning_pitch(sound, 2.01, 2.09)
    assert 66 < between < 97
    loud = [level_db(seconds(sound, at, at + 0.05)) for at in (1.9, 2.0, 2.05, 2.1)]
    assert max(np.diff(loud)) < 6


def test_the_808_starts_anew_where_notes_do_not_overlap() -> None:
    sound = played(part_of("808", Note(0.0, 3.9, 36, 100), Note(4.0, 3.0, 43, 100)))
    assert level_db(seconds(sound, 1.985, 1.999)) < -90
    assert level_db(seconds(sound, 2.01, 2.06)) > level_db(seconds(sound, 1.8, 1.9)) + 3


def test_the_808_is_mono_and_speaks_on_small_speakers() -> None:
    sound = played(part_of("808", Note(0.0, 6.0, 29, 100)))
    assert (sound[0] == sound[1]).all()
    power = np.abs(np.fft.rfft(seconds(sound[0], 0.2, 2.2))) ** 2
    base = round(43.65 * 2)
    lines = [power[k * base - 6 : k * base + 7].sum() for k in (1, 2, 3, 4, 5)]
    over = 10 * np.log10(sum(lines[1:]) / lines[0])
    assert -24 < over < -8


def test_overlapping_notes_are_one_breath() -> None:
    legato = played(part_of("flute", Note(0.0, 2.1, 67, 90), Note(2.0, 2.0, 72, 90)))
    apart = played(part_of("flute", Note(0.0, 1.7, 67, 90), Note(2.0, 2.0, 72, 90)))
    assert level_db(seconds(legato, 0.98, 1.04)) > level_db(seconds(legato, 0.7, 0.9)) - 5
    assert level_db(seconds(apart, 0.98, 1.01)) < level_db(seconds(apart, 0.5, 0.7)) - 12


def test_vibrato_starts_late() -> None:
    sound = played(part_of("ocarina", Note(0.0, 7.0, 69, 90), vibrato_cents=40.0, movement=0.0))

    def spread(start: float, end: float) -> float:
        pitches = [turning_pitch(sound, t, t + 0.04) for t in np.arange(start, end, 0.04)]
        return float(np.ptp(1200 * np.log2(pitches)))

    assert spread(0.2, 0.36) < 15
    assert 50 < spread(1.5, 2.5) < 100


def test_any_patch_can_play_chords_and_notes_up_to_the_end() -> None:
    chord = [Note(6.0, 2.0, pitch, 90) for pitch in (60, 64, 67)]
    for name in PATCHES:
        sound = played(part_of(name, *chord))
        assert sound.shape == (2, 4 * SAMPLE_RATE)
        assert level_db(seconds(sound, 3.2, 3.9)) > -60
        assert np.abs(sound[:, -1]).max() < 1e-4


def test_an_empty_part_is_silence() -> None:
    assert not played(part_of("glass")).any()


@pytest.mark.parametrize("name", ["strings", "harp", "flute", "808"])
def test_the_same_seed_gives_the_same_samples_in_any_thread(name: str) -> None:
    part = part_of(name, *(Note(float(i), 1.5, 48 + 5 * i, 60 + 8 * i) for i in range(6)))
    alone = played(part)
    with ThreadPoolExecutor(4) as pool:
        for sound in pool.map(lambda _: played(part), range(4)):
            assert (sound == alone).all()
    if name != "808":
        assert np.abs(played(part, seed=8) - alone).max() > 1e-4


def test_the_memory_forgets_but_never_changes_a_sound() -> None:
    memory = Memory(100)
    for key in "abcabc":
        got = memory.get(key, lambda key=key: np.full(20, ord(key), np.float32))  # type: ignore[misc]
        assert (got == ord(key)).all()
        assert not got.flags.writeable
