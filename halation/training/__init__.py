"""Build-time and training code; its modules import heavy libraries and are imported only when called."""
