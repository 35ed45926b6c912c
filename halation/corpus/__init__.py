"""From a folder of music to a dataset that a model can be tuned on, step by step, resumable."""
