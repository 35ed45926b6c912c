"""The singer: vowels that can be told apart, pitch that is in tune, and no sine in sight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from halation.stems.bank import CEPSTRA, Spoken, bank, read_bank, speakers, write_bank
from halation.stems.choir import RATE, VOWELS, choir_table
from halation.stems.singer import Singer, Sung, Take, inhale, lead_s, sing
from halation.stems.tract import level
from halation.stems.vocals import Vocals
from halation.types import (
    SAMPLE_RATE,
    BackendError,
    Brief,
    Form,
    Key,
    Mood,
    Note,
    Part,
    Score,
    Section,
    Stems,
)

BPM = 120.0
STEADY = Singer(formant_semitones=0.0, vibrato_cents=0.0, breath=0.0)


def _score(bars: int = 4) -> Score:
    mood = Mood(Brief(seed=1), 0, 0, 0, 0, 0, (), "", True, "t")
    form = Form(mood, "t", BPM, Key(9, "aeolian"), (Section("hook", "hook", 0, 4 * bars),))
    return Score(form, (), (), ())


def _played(
    notes: list[Note],
    patch: str = "chops",
    settings: tuple[tuple[str, float], ...] = (),
    seed: int = 3,
) -> np.ndarray:
    score = _score()
    part = Part("vocals", "vocals", "vocals", patch, tuple(notes), settings)
    blocks = list(Vocals()(part, score, Stems(score, ()), seed))
    sound: np.ndarray = np.concatenate([block.samples for block in blocks], axis=1)
    assert sound.shape == (2, score.n_samples)
    return sound


def _word(syllable: str, speaker: str = "clear") -> Spoken:
    return bank()[speaker][syllable]


def _one(
    syllable: str, pitch: int = 52, length_s: float = 0.8, singer: Singer = STEADY, **more: object
) -> np.ndarray:
    sung = replace(Sung(_word(syllable), pitch, pitch, length_s, 0.7), **more)  # type: ignore[arg-type]
    return np.asarray(sing(sung, singer, np.random.default_rng(1))[0])


def _envelope_db(
    x: np.ndarray, f0_hz: float, rate: int = SAMPLE_RATE
) -> tuple[np.ndarray, np.ndarray]:
    """Return the levels of the harmonics of a steady stretch."""
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    frequency = np.fft.rfftfreq(len(x), 1 / rate)
    harmonics = np.arange(1, int(8_000 / f0_hz)) * f0_hz
    bands = [power[np.abs(frequency - f) < 0.3 * f0_hz].sum() for f in harmonics]
    return harmonics, 10 * np.log10(np.array(bands) + 1e-12)


def _peak_hz(x: np.ndarray, f0_hz: float, low_hz: float, high_hz: float) -> float:
    harmonics, level_db = _envelope_db(x, f0_hz)
    inside = (harmonics >= low_hz) & (harmonics <= high_hz)
    # A formant leans towards the source's slope; taking out 6 dB an octave puts it upright.
    upright = level_db + 20 * np.log10(harmonics)
    return float(harmonics[inside][upright[inside].argmax()])


def _f0_hz(x: np.ndarray, near_hz: float) -> float:
    """Return the pitch, from the phase advance of the strongest of the first harmonics."""
    n = len(x)
    spectrum = np.abs(np.fft.rfft(x * np.hanning(n), 16 * n))
    frequency = np.fft.rfftfreq(16 * n, 1 / SAMPLE_RATE)
    best = (0.0, near_hz)
    for k in range(1, 6):
        inside = np.abs(frequency / (k * near_hz) - 1) < 0.03
        top = int(spectrum[inside].argmax())
        best = max(best, (float(spectrum[inside][top]), float(frequency[inside][top]) / k))
    return best[1]


def _hz(pitch: float) -> float:
    return float(440 * 2 ** ((pitch - 69) / 12))


def _cents(hz: float, pitch: float) -> float:
    return float(1200 * np.log2(hz / _hz(pitch)))


def test_the_bank_has_several_speakers_who_all_know_every_syllable() -> None:
    assert len(speakers()) >= 3
    words = [set(known) for known in bank().values()]
    assert all(known == words[0] for known in words)
    assert words[0] >= {"ah", "oh", "ooh", "la", "na", "you", "mm", "ha", "stay", "alone", "light"}
    for known in bank().values():
        for name, one in known.items():
            start, end = one.steady
            assert 0 <= start < end <= len(one.cepstra), name
            assert end - start >= 10, name  # 50 ms that can be held
            assert one.breath[start:end, 0].mean() < 0.5, name  # a voiced vowel


def test_a_bank_comes_back_as_it_was_written(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    cepstra = draw.standard_normal((30, CEPSTRA)).astype(np.float32)
    one = Spoken(cepstra, draw.random((30, 4), np.float32), (8, 20))
    write_bank(tmp_path / "bank.npz", {"me": {"la": one, "oh": one}})
    back = read_bank(tmp_path / "bank.npz")["me"]["oh"]
    assert back.steady == (8, 20)
    np.testing.assert_allclose(back.cepstra, cepstra, atol=0.02)
    np.testing.assert_allclose(back.breath, one.breath, atol=0.003)


@pytest.mark.parametrize("speaker", ["clear", "soft"])
def test_a_held_vowel_has_the_formants_that_were_spoken(speaker: str) -> None:
    """Sung low, where harmonics are close, its spectrum follows the bank's envelope."""
    for name in ("ah", "ooh", "ee", "oh"):
        one = _word(name, speaker)
        sung = sing(Sung(one, 45, 45, 1.0, 0.5), STEADY, np.random.default_rng(1))[0]
        harmonics, level_db = _envelope_db(sung[12_000:30_000], _hz(45))
        spoken_db = 20 * np.log10(level(one.cepstra[slice(*one.steady)], harmonics, 0.0)).mean(0)
        inside = harmonics < 4_000
        apart = (level_db - spoken_db)[inside]
        assert np.std(apart) < 5, name
        assert np.corrcoef(level_db[inside], spoken_db[inside])[0, 1] > 0.85, name


@pytest.mark.parametrize("word", ["stay", "snow", "sky"])
def test_a_consonant_is_noise_and_the_vowel_is_not(word: str) -> None:
    sound = _one(word, 60, 0.6)
    vowel = round((lead_s(Sung(_word(word), 60, 60, 0.6, 0.7)) + 0.05) * SAMPLE_RATE)

    def high_share(x: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
        frequency = np.fft.rfftfreq(len(x), 1 / SAMPLE_RATE)
        return float(power[frequency > 4_000].sum() / power.sum())

    hiss = max(high_share(sound[a : a + 1_024]) for a in range(0, vowel, 512))
    assert hiss > 10 * high_share(sound[vowel : vowel + 4_096])


def test_a_held_vowel_is_never_frozen() -> None:
    sound = _one("ah", 57, 3.0)
    frames = [sound[a : a + 4_096] for a in range(30_000, 100_000, 11_025)]
    shapes = np.stack([_envelope_db(frame, _hz(57))[1][:20] for frame in frames])
    assert np.abs(np.diff(shapes, axis=0)).mean(axis=1).min() > 0.15


def test_vowels_can_be_told_apart() -> None:
    shapes = {}
    for name in ("ah", "oh", "ooh", "mm", "ey"):
        sound = _one(name, length_s=0.6)[2_000:12_000]
        shapes[name] = _envelope_db(sound, _hz(52))[1]
    names = list(shapes)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert np.std(shapes[one] - shapes[other]) > 3, (one, other)


@pytest.mark.parametrize("syllable", ["ah", "ooh", "ee", "mm", "la", "stay", "alone"])
@pytest.mark.parametrize("pitch", [55, 67, 79])
def test_a_voice_is_never_only_a_sine(syllable: str, pitch: int) -> None:
    level_db = _envelope_db(_one(syllable, pitch)[4_000:30_000], _hz(pitch))[1]
    assert (level_db > level_db.max() - 45).sum() >= 4


@pytest.mark.parametrize("pitch", [57, 64, 72, 81])
@pytest.mark.parametrize("syllable", ["ah", "ooh", "na"])
def test_the_pitch_is_in_tune_after_the_glide(syllable: str, pitch: int) -> None:
    sound = _one(syllable, pitch, 0.4, from_pitch=pitch - 5)
    after = sound[round(0.07 * SAMPLE_RATE) : round(0.38 * SAMPLE_RATE)]
    assert abs(_cents(_f0_hz(after, _hz(pitch)), pitch)) < 10


def test_a_tied_note_glides_from_the_old_pitch() -> None:
    sound = _one("ah", 69, 0.5, replace(STEADY, glide_s=0.12), from_pitch=62)
    early = sound[200:2_000]
    assert -750 < _cents(_f0_hz(early, _hz(63)), 69) < -350


def test_vibrato_comes_late_and_is_small() -> None:
    sound = _one("ah", 69, 1.6, replace(STEADY, vibrato_cents=20.0))

    def bends(start_s: float, end_s: float) -> float:
        starts = np.arange(round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE), 800)
        cents = [_cents(_f0_hz(sound[a : a + 2_000], 440.0), 69) for a in starts]
        return float(np.ptp(cents))

    assert bends(0.09, 0.27) < 18  # after the onset
    assert 22 < bends(0.8, 1.4) < 60


def test_formants_move_and_the_pitch_stays() -> None:
    plain, small = (
        _one("ah", 45, 0.8, replace(STEADY, formant_semitones=shift))[8_000:30_000]
        for shift in (0.0, 6.0)
    )
    harmonics, before_db = _envelope_db(plain, _hz(45))
    after_db = _envelope_db(small, _hz(45))[1]
    inside = (harmonics > 300) & (harmonics < 4_000)
    moved = np.interp(harmonics / 2**0.5, harmonics, before_db)
    assert np.std((after_db - moved)[inside]) < 0.5 * np.std((after_db - before_db)[inside])
    assert abs(_cents(_f0_hz(small, _hz(45)), 45)) < 10


def test_the_takes_stand_left_and_right() -> None:
    sung = Sung(_word("la"), 62, 62, 0.6, 0.7)
    left = sing(sung, STEADY, np.random.default_rng(1), (Take(pan=-0.6),))
    assert np.std(left[0]) > 2 * np.std(left[1])


def test_velocity_brightens_the_voice() -> None:
    def centroid(strength: float) -> float:
        sound = _one("ah", 64, strength=strength)
        power = np.abs(np.fft.rfft(sound)) ** 2
        frequency = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
        return float((power * frequency).sum() / power.sum())

    assert centroid(0.95) > 1.03 * centroid(0.1)


def test_a_chop_is_cut_to_its_length_without_a_click() -> None:
    note = Note(2, 0.3, 67, 100, 0.004, "ah")
    sound = np.abs(_played([note])).max(axis=0)
    onset = round(_score().onset_s(note) * SAMPLE_RATE)
    end = onset + round(0.15 * SAMPLE_RATE)
    quiet = sound[: onset - round(0.12 * SAMPLE_RATE)]  # the singer may breathe in
    assert quiet.max() < 0.1 * sound.max()
    assert not sound[end + 1 :].any()
    assert sound[end - 900 : end - 400].max() > 0.3 * sound.max()
    assert sound[end - 3] < 0.01
    assert sound[onset : onset + 1_500].max() > 0.1 * sound.max()


def test_the_takes_are_wide_but_the_voice_stays_in_the_middle() -> None:
    notes = [Note(i, 0.9, 64 + i % 5, 100, 0, "la") for i in range(12)]
    wide = _played(notes)
    assert 0.5 < np.corrcoef(wide)[0, 1] < 0.97
    narrow = _played(notes, settings=(("width", 0.0),))
    assert np.corrcoef(narrow)[0, 1] > 0.999


def test_a_phrase_after_a_rest_is_breathed_in() -> None:
    sound = _played([Note(8, 1, 67, 100, 0, "ah")])
    before = sound[:, round(3.5 * SAMPLE_RATE) : round(3.87 * SAMPLE_RATE)]
    assert 1e-3 < np.abs(before).max() < 0.05
    air = inhale(_word("ha"), Singer(), np.random.default_rng(1))
    assert np.isfinite(air).all() and 0.2 < len(air) / SAMPLE_RATE < 0.4


def test_levels_lie_near_the_guide() -> None:
    for syllable in bank()["clear"]:
        sound = _played([Note(2, 1, 62, 100, 0, syllable)])
        assert -21 < 20 * np.log10(np.abs(sound).max()) <= -12 + 0.1, syllable


def test_the_vowel_falls_on_the_beat() -> None:
    for word in ("ah", "la", "stay", "heaven", "snow"):
        note = Note(4, 1, 60, 100, 0, word)
        sound = np.convolve(_played([note])[0], np.ones(16) / 16)  # without the hiss of an s
        power = (sound**2)[: 3 * SAMPLE_RATE]
        steps = power[: len(power) // 441 * 441].reshape(-1, 441).mean(axis=1)
        loud = np.flatnonzero(steps > 0.15 * steps.max())[0] * 0.01
        assert abs(loud - 2.0) < 0.14, word


def test_a_reversed_vowel_swells_into_what_follows() -> None:
    sound = _played([Note(4, 2, 62, 100, 0, "<ah")])[0]
    power = [float(np.mean(sound[a : a + 4_410] ** 2)) for a in (90_000, 105_000, 120_000)]
    assert power[0] < power[1] < power[2]
    assert not sound[round(3.01 * SAMPLE_RATE) :].any()


def test_blocks_come_one_after_another_and_join_without_a_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notes = [Note(2.0 * i, 1.5, 60 + i, 100, 0, "la") for i in range(8)]
    notes += [Note(15.0, 1.0, 64, 100, 0, "<oh")]
    for patch in ("chops", "choir"):
        played = notes if patch == "chops" else notes[:8]
        whole = _played(played, patch)
        with monkeypatch.context() as shorter:
            shorter.setattr("halation.stems.vocals.BLOCK_S", 0.77)
            np.testing.assert_array_equal(_played(played, patch), whole)


def test_the_first_block_does_not_wait_for_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    sung: list[int] = []

    def counted(*given: object) -> np.ndarray:
        sung.append(1)
        return sing(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("halation.stems.vocals.sing", counted)
    monkeypatch.setattr("halation.stems.vocals.BLOCK_S", 2.0)
    notes = tuple(Note(1.0 + 4 * i, 1.0, 60 + i, 100, 0, "la") for i in range(4))
    score = _score()
    blocks = Vocals()(Part("v", "vocals", "vocals", "chops", notes), score, Stems(score, ()), 1)
    next(blocks)
    early = len(sung)
    list(blocks)
    assert early < len(sung) == 4


def test_speakers_sound_apart() -> None:
    notes = [Note(2, 1, 60, 100, 0, "ah")]
    shapes = [
        _envelope_db(_played(notes, settings=(("speaker", float(i)),))[0, 50_000:60_000], _hz(60))[
            1
        ]
        for i in range(len(speakers()))
    ]
    apart = [np.std(a - b) for i, a in enumerate(shapes) for b in shapes[:i]]
    assert min(apart) > 2


def test_same_seed_same_samples() -> None:
    notes = [Note(i, 0.5, 65 + i, 90, 0, "na") for i in range(4)]
    np.testing.assert_array_equal(_played(notes, seed=5), _played(notes, seed=5))
    assert not np.array_equal(_played(notes, seed=5), _played(notes, seed=6))


def test_a_choir_comes_slowly_and_rings_on() -> None:
    note = Note(2, 4, 60, 100)
    sound = _played([note], "choir", (("attack_s", 1.0), ("release_s", 1.5)))
    power = (sound**2).mean(axis=0)

    def level(at_s: float) -> float:
        start = round(at_s * SAMPLE_RATE)
        return float(np.sqrt(power[start : start + 4_410].mean()))

    assert not sound[:, : 1 * SAMPLE_RATE].any()
    assert level(1.1) < 0.3 * level(2.3)
    assert level(3.3) > 0.3 * level(2.5)
    assert level(4.6) < 0.01 * level(2.5)


def test_the_choir_sings_vowels_on_pitch() -> None:
    draw = np.random.default_rng(1)
    spectra = {}
    for name in ("ah", "ooh"):
        table, _ = choir_table(57, name, 0.0, 0.5, draw)
        assert table.std() == pytest.approx(1, abs=0.02)
        assert 0.1 < np.mean(table[0] * table[1]) < 0.6
        spectra[name] = _envelope_db(table[0], _hz(57), RATE)[1][:18]
    assert np.std(spectra["ah"] - spectra["ooh"]) > 3


def test_the_choirs_vowel_moves() -> None:
    still, moved = (
        _played([Note(0, 14, 60, 100, 0, "ah")], "choir", (("movement", m),)) for m in (0.0, 1.0)
    )

    def spread(sound: np.ndarray) -> float:
        frames = [sound[0, a : a + 32_768] for a in range(3 * SAMPLE_RATE, 6 * SAMPLE_RATE, 8_000)]
        shapes = [_envelope_db(frame, _hz(60))[1][:14] for frame in frames]
        table = np.stack(shapes)
        table -= table.mean(axis=1, keepdims=True)
        return float(np.std(table, axis=0).sum())

    assert spread(moved) > spread(still)


def test_unknown_patches_and_syllables_are_named() -> None:
    with pytest.raises(BackendError, match="no vocal patch named 'growl'; known: chops, choir"):
        _played([], "growl")
    with pytest.raises(BackendError, match="no syllable 'xyz'; the singer knows ah, oh"):
        _played([Note(0, 1, 60, 100, 0, "xyz")])
    with pytest.raises(BackendError, match="no syllable 'stay'; the choir knows ah, oh"):
        _played([Note(0, 1, 60, 100, 0, "stay")], "choir")


def test_the_choir_knows_its_vowels_in_every_voice() -> None:
    vowels = {vowel for pair in VOWELS.values() for vowel in pair}
    assert all(vowels <= set(known) for known in bank().values())


@pytest.mark.parametrize("patch", ["chops", "choir"])
def test_extreme_notes_are_sung_somehow(patch: str) -> None:
    notes = [Note(0, 0.001, 30, 1), Note(1, 1, 100, 127), Note(15.99, 8, 108, 127)]
    assert np.abs(_played(notes, patch)).max() < 1
    assert not _played([], patch).any()
