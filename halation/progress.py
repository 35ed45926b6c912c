"""What the terminal shows while a song comes into being, and when it is there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from halation.backends import Watch

if TYPE_CHECKING:
    from halation.files import Written
    from halation.pipeline import Artefact
    from halation.types import Song

__all__ = ["Progress", "report"]


def report(song: Song, written: Written, seconds: float) -> None:
    """Say what came out and where it is, on stdout."""
    from rich.console import Console
    from rich.markup import escape

    from halation.files.rights import rights_of

    form = song.score.form
    measures = song.measures
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"[bold]{escape(song.title)}[/]  {_minutes(form.duration_s)}  {form.key.name}  "
        f"{form.tempo_bpm:g} BPM  {measures.loudness_lufs:.1f} LUFS  "
        f"made in {seconds:.1f} s ({_times(form.duration_s / seconds)} × real time)"
    )
    rights = rights_of(song.score)
    if not rights.commercial:
        console.print(f"rights: {rights.statement}", markup=False)
    console.print(f"seed {song.brief.seed}", markup=False)
    console.print(str(written.folder), markup=False)


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


class Progress:
    """The stages of a song on the terminal, as they happen; on stderr, plain in a pipe."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console

        self._quiet = quiet
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._status = self._console.status("reading the mood")

    def __enter__(self) -> Progress:
        self._status.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Say no more of what is being done."""
        self._status.stop()

    @property
    def watch(self) -> Watch:
        """What a player that takes minutes tells goes here."""
        return Watch(say=self.say, show=self.step)

    def say(self, text: str) -> None:
        """Say what stays to be read, on stderr even where only JSON is wanted."""
        from rich.markup import escape

        if self._quiet:
            print(f"halation: {text}", file=sys.stderr)
        else:
            self._console.print(f"[bright_blue]{'note':<7}[/] {escape(text)}", soft_wrap=True)

    def step(self, doing: str) -> None:
        """Say what is being done now."""
        from rich.markup import escape

        self._status.update(escape(doing))

    def show(self, artefact: Artefact) -> None:
        """Say what has just come into being."""
        from rich.markup import escape

        stage, text, doing = _line(artefact)
        if text:
            self._console.print(f"[bright_blue]{stage:<7}[/] {escape(text)}", soft_wrap=True)
        self.step(doing)


def _line(artefact: Artefact) -> tuple[str, str, str]:
    """Return an artefact's stage, its summary in words, and what is done next."""
    from halation.types import Block, Form, Mood, Plan, Score, Song

    match artefact:
        case Mood():
            heard = artefact.phrase if len(artefact.phrase) < 60 else artefact.phrase[:59] + "…"
            free = (
                ""
                if artefact.understood or not artefact.brief.text.strip()
                else ("; none of the text was understood, so the mood is chosen freely")
            )
            return "mood", f"{', '.join(artefact.words)}  ({heard}{free})", "planning the form"
        case Form():
            names = " ".join(f"{s.name} {s.bars}" for s in artefact.sections)
            facts = f"{artefact.key.name}, {artefact.tempo_bpm:g} BPM"
            return "form", f"{names}  ({facts})", "composing"
        case Score():
            notes = sum(len(part.notes) for part in artefact.written)
            return "score", f"{notes} notes in {len(artefact.written)} parts", "drawing effects"
        case Plan():
            text = f"{len(artefact.effects)} effects under {len(artefact.curves)} curves"
            return "fx", text, "playing"
        case Block():
            end_s = (artefact.start + artefact.master.n_samples) / artefact.master.sample_rate
            return "sound", f"up to {_minutes(end_s)}", "playing on"
        case Song():
            measures = artefact.measures
            text = f"{measures.loudness_lufs:.1f} LUFS, {measures.true_peak_dbtp:.1f} dBTP"
            return "master", text, "writing files"
        case _:
            return "", "", "playing"
