"""Tunes a MusicGen on a corpus: ``halation train musicgen``.

:mod:`data` turns chunks into codes and batches, :mod:`network` is what is tuned and what it costs,
:mod:`loop` is the run, :mod:`samples` lets it be heard, :mod:`curves` draws it, :mod:`card` says in
words and numbers what came of it.
"""
