"""Fitting the classifier offline, on development seeds whose truth is known."""
