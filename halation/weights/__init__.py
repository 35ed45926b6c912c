"""Weights of models: what there is, where it lies on disk, and how it gets there.

Nothing is ever downloaded but by ``halation backends install NAME``.
"""
