"""halation makes whole songs by itself."""
