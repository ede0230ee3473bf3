"""Trials that another sweep of the same output folder has trained are taken over instead of trained again.

conditions   when the outcome of a trial is what training it here would give
forecast     what would be taken over, before the sweep is started
takeover     finds such a trial, copies what it left, and says so
"""
