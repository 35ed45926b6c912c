"""Signal processing: pure functions on float32 arrays of shape (channels, samples)."""
