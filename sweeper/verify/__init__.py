"""Trains a recorded row again and compares the two."""
