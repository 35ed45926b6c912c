"""What came of a tuning, for people (README.md) and for machines (provenance.json)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from halation.corpus.layout import Chunk, Corpus, file_errors, read_json
from halation.training.musicgen import network
from halation.training.musicgen.run import Settings
from halation.types import FileError
from halation.weights import catalogue

__all__ = ["Facts", "write"]

SCHEMA: Final = 1
UNKNOWN: Final = "unknown: that of the base"
MOST_TAGS: Final = 24


@dataclass(frozen=True, slots=True)
class Facts:
    """What a tuning starts from, without a path.

    Parameters
    ----------
    base : str
        Its name, or that it is a folder of the user's.
    base_repo : str
        Where it comes from, as far as known.
    base_digest : str
        SHA-256 of its weights and configuration.
    licence : str
        Of the base, and so of what is tuned from it.
    commercial : bool
        Whether songs made with it may be sold.
    corpus_digest : str
        SHA-256 of the chunks' captions and places in their songs.
    n_chunks, hours : dict of split to number
    songs : dict of split to list of str
        Titles.
    tags : dict of str to int
        How often each was given.
    captions : list of str
        Those that there are, once.
    rights_confirmed : str
        When the user said that the music may be used.
    prepared : dict
        The settings with which the corpus was prepared.
    """

    base: str
    base_repo: str
    base_digest: str
    licence: str
    commercial: bool
    corpus_digest: str
    n_chunks: dict[str, int]
    hours: dict[str, float]
    songs: dict[str, list[str]]
    tags: dict[str, int]
    captions: list[str]
    rights_confirmed: str
    prepared: dict[str, Any]

    @classmethod
    def of(
        cls, corpus: Path, chunks: Mapping[str, Sequence[Chunk]], folder: Path, name: str
    ) -> Facts:
        """Gather the facts of a corpus and a base.

        Parameters
        ----------
        corpus : Path
        chunks : dict of split to list of Chunk
        folder : Path
            Of the base.
        name : str
            Of the base, empty if halation knows none.
        """
        opened = Corpus.open(corpus)
        row = catalogue.of(name)
        everything = [chunk for split in chunks.values() for chunk in split]
        before = {} if row else _before(folder)
        return cls(
            base=row.name if row else str(before.get("name") or "a folder of yours"),
            base_repo=row.repo if row else "",
            base_digest=network.digest(folder),
            licence=row.licence if row else str(before.get("licence") or UNKNOWN),
            commercial=row.commercial if row else bool(before.get("commercial")),
            corpus_digest=_digest(everything),
            n_chunks={split: len(found) for split, found in chunks.items()},
            hours={split: round(sum(c.duration_s for c in found) / 3600.0, 3)
                   for split, found in chunks.items()},
            songs={split: sorted({c.title for c in found}) for split, found in chunks.items()},
            tags=dict(Counter(tag for c in everything for tag in c.tags).most_common()),
            captions=sorted({c.text for c in everything}),
            rights_confirmed=opened.rights_confirmed,
            prepared=opened.settings,
        )  # fmt: skip


def _before(folder: Path) -> dict[str, Any]:
    """Return what is known of the base of a base that was itself tuned here."""
    try:
        base = read_json(folder / "provenance.json").get("base")
    except FileError:
        return {}
    return base if isinstance(base, dict) else {}


def _digest(chunks: Sequence[Chunk]) -> str:
    rows = sorted(json.dumps([c.split, c.source, c.start_s, c.duration_s, c.text]) for c in chunks)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def write(
    folder: Path, facts: Facts, settings: Settings, step: int, before: float, after: float
) -> None:
    """Write provenance.json and the model card.

    Parameters
    ----------
    folder : Path
    facts : Facts
    settings : Settings
    step : int
        Whose weights lie in the folder.
    before, after : float [bit]
        What a held-out code costs, untuned and tuned.

    Raises
    ------
    FileError
        If they cannot be written.
    """
    told = asdict(facts)
    base = {key: told.pop(key) for key in ("licence", "commercial")}
    base = {
        "name": told.pop("base"),
        "repository": told.pop("base_repo"),
        "sha256": told.pop("base_digest"),
        **base,
    }
    content = {
        "schema": SCHEMA,
        "halation": version("halation"),
        "base": base,
        "settings": asdict(settings) | {"rate": settings.learning_rate},
        "step": step,
        "held_out_bits": {"untuned": before, "tuned": after},
        "corpus": {"sha256": told.pop("corpus_digest"), **told},
    }
    with file_errors(folder):
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (folder / "provenance.json").write_text(text, "utf-8")
        card = _card(facts, settings, step, before, after)
        (folder / "README.md").write_text(card, "utf-8")


def _card(facts: Facts, settings: Settings, step: int, before: float, after: float) -> str:
    what = (
        "a MusicGen whose whole decoder was tuned"
        if settings.full
        else f"a LoRA adapter (rank {settings.rank}) for a MusicGen"
    )
    songs = {split: len(found) for split, found in facts.songs.items()}
    tags = ", ".join(f"{tag} ({n})" for tag, n in list(facts.tags.items())[:MOST_TAGS])
    rights = (
        f"The user confirmed the right to use this music: {facts.rights_confirmed}."
        if facts.rights_confirmed
        else "Nobody has confirmed the right to use this music."
    )
    sold = "may be sold" if facts.commercial else "must not be sold"
    return f"""{_head(facts, settings)}
# Tuned with halation

This is {what}, tuned by `halation train musicgen` on {songs["train"]} songs
({facts.n_chunks["train"]} chunks, {facts.hours["train"]:g} h); {songs["validation"]} other songs
({facts.n_chunks["validation"]} chunks) were held out.

- base: {facts.base}{f" ({facts.base_repo})" if facts.base_repo else ""}
- kept: step {step} of {settings.steps}, batch {settings.batch}, rate {settings.learning_rate:g}
- bits a held-out code: {before:.3f} untuned, {after:.3f} tuned
- moods: {tags or "none"}

## Use

`halation make --player all=musicgen --model FOLDER "a few words"`, FOLDER being this one. Captions
that it learned from:

{_quoted(facts.captions[:5])}

## Rights

Licence of the base, and so of this: {facts.licence}; songs made with it {sold}. {rights}
What was learned, number by number, is in provenance.json; curves.png and log.jsonl, where they lie
beside this, show how.
"""


def _head(facts: Facts, settings: Settings) -> str:
    """Return the lines by which a hub knows what a model is."""
    licence = facts.licence.lower() if facts.licence.startswith("CC-") else "other"
    rows = [f"license: {licence}"]
    if facts.base_repo:
        rows.append(f"base_model: {facts.base_repo}")
    rows.append(f"library_name: {'transformers' if settings.full else 'peft'}")
    rows += ["pipeline_tag: text-to-audio", "tags: [musicgen, halation, music]"]
    return "\n".join(["---", *rows, "---"])


def _quoted(lines: Sequence[str]) -> str:
    return "\n".join(f"> {' '.join(line.split())}\n" for line in lines)
