"""Build-time and training code; may import heavy libraries, at call time only."""
