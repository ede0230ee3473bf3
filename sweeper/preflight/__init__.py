"""Checks every configuration by arithmetic, before anything trains."""
