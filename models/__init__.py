"""Keras builders, their configuration and the arithmetic of their shapes; nothing else.

This package is imported as `sweeper.models` (a link there), so that a user's own `models` never takes its place.
Its modules `config` and `shapes` import no Keras, so that a configuration is checked before anything trains.
"""
