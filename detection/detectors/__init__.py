"""Detectors: each reads the views once a step and claims what is broken."""
