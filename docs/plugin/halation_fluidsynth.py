"""A player for halation: any SoundFont, played by FluidSynth."""

from dataclasses import replace
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from halation.backends import Description
from halation.files import midi
from halation.types import Audio, BackendError


class FluidSynth:
    """Plays a part with a General MIDI SoundFont; the part's MIDI program chooses the sound."""

    description = Description("a SoundFont: keys=fluidsynth:FONT.sf2", "the SoundFont's", None)

    def __init__(self, font="/usr/share/sounds/sf2/default-GM.sf2"):
        if not Path(font).is_file():
            raise BackendError(f"no SoundFont at {font!r}; give one: keys=fluidsynth:FONT.sf2")
        self.font = font

    def __call__(self, part, score, heard, seed):
        with TemporaryDirectory() as folder:
            notes, sound = Path(folder, "part.mid"), Path(folder, "part.wav")
            midi.write(notes, replace(score, parts=(part,)))
            run(["fluidsynth", "-niq", "-r44100", f"-F{sound}", self.font, notes], check=True)
            x = soundfile.read(sound, dtype="float32", always_2d=True)[0].T
        yield Audio(np.pad(x, ((0, 0), (0, score.n_samples)))[:, : score.n_samples])
