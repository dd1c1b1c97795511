"""How anything goes wrong: mechanisms, and the one plan of them that the rest of the world consults."""
