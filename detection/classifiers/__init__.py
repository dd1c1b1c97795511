"""Classifiers: from the evidence of a case to its type, fault, root cause and confidence."""
