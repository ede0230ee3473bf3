"""Keras builders, their configuration and the arithmetic of their shapes; nothing else.

`models.config` and `models.shapes` import no Keras, so that a configuration is checked before anything trains.
"""
