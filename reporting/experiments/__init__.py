"""Experiments: what they have come to, how many people one needs, and their pages."""
