"""What a person reads of a run: figures, tables and the page, made from the run folder alone."""
