"""Make the syllable bank that halation ships: ``python -m halation.training.voice_bank``.

Kokoro speaks every syllable with every voice, WORLD takes the pitch out, and what is left is
written with 8 bits a number. Needs the extra ``voice-bank`` (see ``runs/voice-bank.sh``); takes
some five minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from halation.stems.bank import PATH, Spoken, write_bank
from halation.stems.speech import VOICES, spoken

PHONEMES: Final = {
    "ah": "ˈɑːː", "oh": "ˈoːː", "ooh": "ˈuːː", "ey": "ˈeːː", "ee": "ˈiːː", "uh": "ˈʌːː",
    "la": "lˈɑː", "na": "nˈɑː", "you": "jˈuː", "mm": "mˈmː", "ha": "hˈɑː", "hey": "hˈA",
    "yeah": "jˈɛː", "stay": "stˈA", "fall": "fˈɔːl", "dream": "dɹˈiːm", "away": "əwˈA",
    "snow": "snˈO", "heaven": "hˈɛvən", "alone": "əlˈOn", "angel": "ˈAnʤəl", "light": "lˈIt",
    "over": "ˈOvəɹ", "tears": "tˈɪɹz", "rain": "ɹˈAn", "home": "hˈOm", "gone": "ɡˈɔːn",
    "fly": "flˈI", "sky": "skˈI", "shine": "ʃˈIn", "now": "nˈW", "me": "mˈiː", "why": "wˈI",
    "slow": "slˈO", "low": "lˈO", "glow": "ɡlˈO",
}  # fmt: skip
"""What the bank's singers know, in Kokoro's spelling of the IPA."""


def speak(words: dict[str, str]) -> dict[str, dict[str, Spoken]]:
    """Have every voice say every word."""
    voices: dict[str, dict[str, Spoken]] = {}
    for voice, name in VOICES.items():
        for word, phonemes in words.items():
            heard = spoken(phonemes, voice)
            if heard is None:
                raise SystemExit(f"{voice} could not be heard saying {word!r}")
            voices.setdefault(name, {})[word] = heard
        print(f"{name}: {sum(s.length_s for s in voices[name].values()):.1f} s of speech")
    return voices


def main() -> None:
    """Speak, listen and write the bank."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=PATH)
    options = parser.parse_args()
    write_bank(options.out, speak(PHONEMES))
    size_mb = options.out.stat().st_size / 1e6
    print(f"{len(VOICES)} voices × {len(PHONEMES)} syllables in {size_mb:.2f} MB")


if __name__ == "__main__":
    main()
