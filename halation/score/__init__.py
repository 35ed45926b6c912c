"""Form → Score: two composers, from harmony and motif to every part's notes."""
