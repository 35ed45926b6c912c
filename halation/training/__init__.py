"""Build-time and training code; it imports heavy libraries, and is imported only when called."""
