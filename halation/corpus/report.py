"""What is in a corpus, told in lines, as JSON and as a page with pictures."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from halation.corpus import charts
from halation.corpus.disk import draft, file_errors
from halation.corpus.layout import Chunk, Corpus, Source
from halation.pictures import ink

__all__ = ["as_json", "summary", "write"]

MOST_SONGS: Final = 300
"""The page shows so many songs and failures; counts are of all."""
MOST_TOLD: Final = 12

_SEPARATED: Final = {
    "demucs": "stems separated by Demucs",
    "hpss": "harmonic parts kept without Demucs: vocals stay",
    "nothing": "nothing separated",
}


def as_json(corpus: Corpus) -> dict[str, Any]:
    """Count what is in a corpus.

    Returns
    -------
    dict
        ``sources`` by kind and state, ``chunks`` and ``hours`` of each split, ``songs`` in the
        dataset, how often each of ``tags`` and ``keys`` comes, ``tempi_bpm`` in steps of five,
        what ``separated_by``, and what was ``skipped`` and why.

    Raises
    ------
    FileError
        If the corpus is damaged.
    """
    return _counted(corpus, corpus.sources(), tuple(corpus.chunks()))


def _counted(
    corpus: Corpus, sources: tuple[Source, ...], chunks: tuple[Chunk, ...]
) -> dict[str, Any]:
    tempi = Counter(5 * round(c.tempo_bpm / 5.0) for c in chunks if c.tempo_bpm is not None)
    skipped = [s for s in sources if s.state in ("failed", "duplicate")]
    return {
        "folder": str(corpus.folder),
        "rights_confirmed": corpus.rights_confirmed,
        "settings": corpus.settings,
        "sources": {
            kind: dict(sorted(Counter(s.state for s in sources if s.kind == kind).items()))
            for kind in ("audio", "midi")
        },
        "songs": len({c.source for c in chunks}),
        "chunks": {split: sum(c.split == split for c in chunks) for split in charts.SPLITS},
        "hours": {
            split: round(sum(c.duration_s for c in chunks if c.split == split) / 3600.0, 4)
            for split in charts.SPLITS
        },
        "tags": _ordered(tag for c in chunks for tag in c.tags),
        "keys": _ordered(c.key or "none" for c in chunks),
        "tempi_bpm": {str(tempo): count for tempo, count in sorted(tempi.items())},
        "without_tempo": sum(c.tempo_bpm is None for c in chunks),
        "separated_by": _ordered(
            corpus.facts(s.id).separated_by or "nothing" for s in sources if s.state == "prepared"
        ),
        "skipped": [{"name": s.name, "state": s.state, "message": s.message} for s in skipped],
    }


def _ordered(rows: Iterable[str]) -> dict[str, int]:
    counts = Counter(rows)
    return dict(sorted(counts.items(), key=lambda row: (-row[1], row[0])))


def summary(corpus: Corpus) -> str:
    """Tell what is in a corpus, some ten lines.

    Raises
    ------
    FileError
        If the corpus is damaged.
    """
    return _told(as_json(corpus)).encode("utf-8", "replace").decode()


def _told(found: dict[str, Any]) -> str:
    states, midi = found["sources"]["audio"], sum(found["sources"]["midi"].values())
    lines = [f"{sum(states.values())} recordings: {_listed(states) or 'none'}"]
    if midi:
        lines.append(f"{midi} MIDI files")
    if not found["songs"]:
        lines.append("nothing is prepared yet: halation corpus prepare")
    else:
        train, held = found["chunks"]["train"], found["chunks"]["validation"]
        hours = found["hours"]
        lines += [
            f"{found['songs']} songs in {train + held} chunks, {_long(sum(hours.values()))}: "
            f"{train} to train on ({_long(hours['train'])}), "
            f"{held} to validate with ({_long(hours['validation'])})",
            "tags:   " + _top(found["tags"]),
            "keys:   " + _top(found["keys"]),
            "tempi:  " + _tempi(found),
            "stems:  "
            + "; ".join(f"{n} × {_SEPARATED.get(k, k)}" for k, n in found["separated_by"].items()),
        ]
    skipped = found["skipped"]
    lines += [f"{row['state']}: {row['name']} ({row['message']})" for row in skipped[:MOST_TOLD]]
    if len(skipped) > MOST_TOLD:
        lines.append(f"… and {len(skipped) - MOST_TOLD} more; --json has all")
    return "\n".join(line.rstrip() for line in lines)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _top(counts: dict[str, int], most: int = 8) -> str:
    more = f", {len(counts) - most} others" if len(counts) > most else ""
    return ", ".join(f"{name} {count}" for name, count in list(counts.items())[:most]) + more


def _tempi(found: dict[str, Any]) -> str:
    tempi = found["tempi_bpm"]
    told = ""
    if tempi:
        common = max(tempi, key=tempi.__getitem__)
        told = f"{min(map(int, tempi))}–{max(map(int, tempi))} BPM, most about {common}"
    without = found["without_tempo"]
    return ", ".join(row for row in (told, f"{without} without a beat" * bool(without)) if row)


def _long(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1.0 else f"{60.0 * hours:.1f} min"


def write(corpus: Corpus) -> Path:
    """Draw the page of a corpus: ``report/index.html`` with its pictures beside it.

    It needs nothing from elsewhere; sounds are played from the dataset's folder.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    FileError
        If the corpus is damaged, or the page cannot be written.
    """
    sources, chunks = corpus.sources(), tuple(corpus.chunks())
    found = _counted(corpus, sources, chunks)
    page = corpus.report / "index.html"
    with file_errors(corpus.report):
        corpus.report.mkdir(parents=True, exist_ok=True)
        for old in corpus.report.glob("*.png"):
            old.unlink()
        pictures = charts.draw(found, chunks, corpus.report) if chunks else ()
        hidden = draft(page)
        hidden.write_bytes(_page(found, chunks, pictures).encode("utf-8", "replace"))
        hidden.replace(page)
    return page


def _page(
    found: dict[str, Any], chunks: tuple[Chunk, ...], pictures: tuple[tuple[str, str], ...]
) -> str:
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in _told(found).splitlines())
    images = "".join(
        f'<img src="{name}" alt="{html.escape(text)}" title="{html.escape(text)}">'
        for name, text in pictures
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>corpus</title>'
        f"<style>{_STYLE}</style></head><body><h1>{html.escape(Path(found['folder']).name)}</h1>"
        f"<ul>{lines}</ul>{images}{_songs(chunks)}{_skipped(found['skipped'])}</body></html>\n"
    )


def _songs(chunks: tuple[Chunk, ...]) -> str:
    if not chunks:
        return ""
    songs: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        songs.setdefault(chunk.source, []).append(chunk)
    rows = "".join(_song(rows) for rows in list(songs.values())[:MOST_SONGS])
    left = len(songs) - MOST_SONGS
    more = f"<p>… and {left} more songs</p>" if left > 0 else ""
    return (
        "<h2>Songs</h2><table><tr><th>title<th>split<th>chunks<th>caption of the middle one"
        f"<th>listen</tr>{rows}</table>{more}"
    )


def _song(rows: list[Chunk]) -> str:
    middle = rows[len(rows) // 2]
    sound = f"../dataset/{middle.split}/{middle.path.name}"
    cells = (middle.title, middle.split, str(len(rows)), middle.text)
    return (
        "<tr>"
        + "".join(f"<td>{html.escape(cell)}" for cell in cells)
        + f'<td><audio controls preload="none" src="{html.escape(sound)}"></audio></tr>'
    )


def _skipped(rows: list[dict[str, str]]) -> str:
    if not rows:
        return ""
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(row[k])}" for k in ("name", "state", "message"))
        + "</tr>"
        for row in rows[:MOST_SONGS]
    )  # fmt: skip
    return f"<h2>Left out</h2><table><tr><th>name<th>what<th>why</tr>{body}</table>"


_STYLE: Final = (
    f"body{{background:{ink.NIGHT};color:{ink.INK};font:15px/1.5 system-ui,sans-serif;"
    "max-width:70rem;margin:2rem auto;padding:0 1rem}"
    f"h1,h2{{font-weight:500}}th{{color:{ink.FAINT};text-align:left;font-weight:400}}"
    "ul{list-style:none;padding:0}img{max-width:100%;display:block;margin:1rem 0}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.3rem .8rem .3rem 0;"
    "vertical-align:top;overflow-wrap:anywhere}audio{height:2rem;width:14rem}"
)
