"""Text-to-audio models as instruments.

A model is told in words what to play, section by section, and its answers are joined on the
score's grid: :mod:`prompts` writes the words, :mod:`performance` asks, joins and levels,
:mod:`beat` sets each answer on the beat, :mod:`sketch` renders what a model may follow. The models
themselves: :mod:`musicgen`; :mod:`diffusion` and :mod:`riffusion` (by :mod:`pipelines`);
:mod:`jukebox`; and :mod:`remote`, which asks an :mod:`endpoint` or a :mod:`space` elsewhere.
"""
