"""Score → stems: one player a module, each turns one part into sound."""
