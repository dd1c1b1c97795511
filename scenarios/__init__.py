"""Experiments: configuration, the loop between world and operator, the arms, and the measures."""
