"""Songs of songs: a plan goes in, another comes out of which only what was asked for differs.

``again`` throws sections, stems, parts or the motif anew; ``shape`` changes tempo, key, length,
mood and voices; ``edited`` takes notes that somebody changed in a MIDI file; ``changed`` does all
that a :class:`Change` asks for. Undo is the parent.
"""

from halation.reshape.again import again
from halation.reshape.change import Change, changed
from halation.reshape.edited import edited
from halation.reshape.lineage import child
from halation.reshape.shape import shape

__all__ = ["Change", "again", "changed", "child", "edited", "shape"]
