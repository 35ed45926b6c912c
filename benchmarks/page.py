"""Write the page and the table of ``make showcase``: static files without anything from outside."""

from __future__ import annotations

import html
import statistics
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

THUMB_PX = (600, 565)
"""Two dozen of these stay under 1.5 MB."""
SHOWN_PART = 0.8
"""The upper part of the picture: waveform, spectrogram, loudness, notes."""
ODD = 2.5
"""Deviations from the median, in robust standard deviations, from which on a value is marked."""
ODD_SHARE = 0.05
"""What is odd is also away from the median by this share of it, or of the room between bounds."""
FEWEST = 6
"""Songs from which on there is a median to be odd against."""

COLUMNS = (
    "lift_lu", "range_lu", "plr_db", "hook_moves_db", "wetter_hook_db", "vocals_under_hook_lu",
    "drums_under_hook_lu", "mud_200_500_db", "hole_200_500_db", "bars_shared", "blocks_alike",
    "chord_symbols", "key_clarity",
)  # fmt: skip
"""What the page itself shows; the table has everything."""

STYLE = """
body{background:#0d0d14;color:#d8d8e4;font:15px/1.5 system-ui,sans-serif;margin:2rem auto;
max-width:1240px;padding:0 1rem}a{color:#9fb6ff}h1{font-weight:400}
.songs{display:grid;grid-template-columns:repeat(auto-fill,minmax(380px,1fr));gap:1.2rem}
.song{background:#14141f;border-radius:8px;padding:1rem}.song h2{font-size:1.1rem;margin:0}
.song p{color:#8c8ca0;margin:.2rem 0;font-size:.85rem}.song img{width:100%;border-radius:4px}
audio{width:100%;margin:.4rem 0}.miss{color:#ff8f6b!important}
table{border-collapse:collapse;font-size:.8rem;margin:2rem 0;display:block;overflow-x:auto}
th,td{padding:.25rem .5rem;text-align:right;border-bottom:1px solid #26263a}
th{cursor:pointer;color:#9fb6ff;font-weight:400}td:first-child{text-align:left}
td.out{background:#6b2430}td.odd{background:#4d431b}
"""
SORT = """
for(const th of document.querySelectorAll('th'))th.onclick=()=>{
const b=th.closest('table').tBodies[0];
const i=[...th.parentNode.children].indexOf(th),up=th.dataset.up=th.dataset.up==='1'?'0':'1';
const key=r=>{const t=r.children[i].textContent,n=parseFloat(t);return isNaN(n)?t:n};
b.append(...[...b.rows].sort((x,y)=>{const p=key(x),q=key(y);
return (p<q?-1:p>q?1:0)*(up==='1'?1:-1)}))}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One song as page and table show it; ``audio`` is relative to the page."""

    seed: int
    text: str
    title: str
    about: str
    words: str
    audio: str
    picture: Path
    values: dict[str, float]
    bounds: dict[str, tuple[float, float]]
    misses: tuple[str, ...]


def write_page(out: Path, rows: list[Row]) -> None:
    """Write ``index.html``, ``table.md`` and the small pictures into a folder."""
    small = out / "pictures"
    small.mkdir(parents=True, exist_ok=True)
    for row in rows:
        _shrink(row.picture, small / f"{row.seed}.jpg")
    marks = {name: _marks(name, rows) for name in _names(rows)}
    (out / "index.html").write_text(_html(out, rows, marks), encoding="utf-8")
    (out / "table.md").write_text(_table(rows, marks), encoding="utf-8")


def _shrink(picture: Path, to: Path) -> None:
    with Image.open(picture) as image:
        upper = image.convert("RGB").crop((0, 0, image.width, int(image.height * SHOWN_PART)))
        upper.resize(THUMB_PX, Image.Resampling.LANCZOS).save(to, quality=62, optimize=True)


def _names(rows: list[Row]) -> list[str]:
    """Return every measure, in the order in which they were taken."""
    return list(dict.fromkeys(name for row in rows for name in row.values))


def _marks(name: str, rows: list[Row]) -> list[str]:
    """Say for each song whether a value is out of its bounds or odd among the others."""
    values = [row.values[name] for row in rows if name in row.values]
    middle = statistics.median(values)
    spread = 1.4826 * statistics.median(abs(value - middle) for value in values)
    bounds = next((row.bounds[name] for row in rows if name in row.bounds), None)
    least = ODD_SHARE * (bounds[1] - bounds[0] if bounds else abs(middle))
    marks = []
    for row in rows:
        value = row.values.get(name)
        low, high = row.bounds.get(name, (float("-inf"), float("inf")))
        if value is None:
            marks.append("")
        elif not low <= value <= high:
            marks.append("out")
        else:
            odd = len(values) >= FEWEST and abs(value - middle) > max(ODD * spread, least)
            marks.append("odd" if odd else "")
    return marks


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if 0.9 < abs(value) < 1 else f"{value:.4g}"


def _table(rows: list[Row], marks: dict[str, list[str]]) -> str:
    """Return the table of every measure: one line a measure, one column a song."""
    lines = [
        "# Every measure of every song",
        "",
        "Written by `make showcase`. **Bold!** is out of its bounds, *slanted* is odd among the",
        f"others (more than {ODD:g} robust standard deviations from the median).",
        "",
        "| seed | title | text | misses |",
        "|---|---|---|---|",
    ]
    for row in rows:
        text = row.text.replace("|", "/") or "–"
        lines.append(f"| {row.seed} | {row.title} | {text} | {len(row.misses)} |")
    seeds = " | ".join(str(row.seed) for row in rows)
    lines += ["", f"| measure | bounds | median | {seeds} |", "|---" * (3 + len(rows)) + "|"]
    for name, told in marks.items():
        values = [row.values.get(name) for row in rows]
        known = [value for value in values if value is not None]
        bounds = next((row.bounds[name] for row in rows if name in row.bounds), None)
        cells = [
            {"out": f"**{_number(v)}!**", "odd": f"*{_number(v)}*"}.get(mark, _number(v))
            for v, mark in zip(values, told, strict=True)
        ]
        range_ = f"{bounds[0]:g} … {bounds[1]:g}" if bounds else ""
        middle = _number(statistics.median(known))
        lines.append(f"| {name} | {range_} | {middle} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _html(out: Path, rows: list[Row], marks: dict[str, list[str]]) -> str:
    missed = sum(bool(row.misses) for row in rows)
    songs = "\n".join(_song(out, row) for row in rows)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>halation: {len(rows)} songs</title><style>{STYLE}</style>\n"
        f"<h1>{len(rows)} songs over the space of moods</h1>\n"
        f"<p>{missed} of them miss a bound. The sound is not part of the repository: "
        "<code>make showcase</code> makes it. Every measure of every song is in "
        '<a href="table.md">table.md</a>. Red is out of bounds, yellow is odd among the others; '
        "a click on a heading sorts.</p>\n"
        f"{_overview(rows, marks)}\n"
        f'<div class="songs">\n{songs}\n</div>\n<script>{SORT}</script></html>\n'
    )


def _overview(rows: list[Row], marks: dict[str, list[str]]) -> str:
    columns = [name for name in COLUMNS if name in marks]
    head = "".join(f"<th>{name.replace('_', ' ')}" for name in ("song", "misses", "odd", *columns))
    body = []
    for i, row in enumerate(rows):
        odd = sum(told[i] == "odd" for told in marks.values())
        cells = "".join(
            f'<td class="{marks[name][i]}">{_number(row.values.get(name))}' for name in columns
        )
        link = f'<a href="#s{row.seed}">{html.escape(row.title)}</a>'
        body.append(f"<tr><td>{link}<td>{len(row.misses)}<td>{odd}{cells}")
    return f"<table><thead><tr>{head}<tbody>\n" + "\n".join(body) + "</table>"


def _song(out: Path, row: Row) -> str:
    full = html.escape(row.picture.relative_to(out).as_posix(), quote=True)
    title = html.escape(row.title)
    misses = f'<p class="miss">{html.escape("; ".join(row.misses))}</p>' if row.misses else ""
    return (
        f'<div class="song" id="s{row.seed}"><h2>{title}</h2>'
        f"<p>“{html.escape(row.text)}” · seed {row.seed}</p>"
        f"<p>{html.escape(row.about)} · {html.escape(row.words)}</p>"
        f'<audio controls preload="none" src="{html.escape(row.audio, quote=True)}"></audio>'
        f'<a href="{full}"><img loading="lazy" src="pictures/{row.seed}.jpg" '
        f'alt="waveform, spectrogram, loudness and notes of {title}"></a>{misses}</div>'
    )
