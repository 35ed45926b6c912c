"""Form → Score: the rules composer, from harmony and motif to every part's notes."""
