"""Priorities: which case a team should take first."""
