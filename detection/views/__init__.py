"""Views: the state that the stream implies, kept up to date row by row."""
