"""A hyperparameter sweep orchestrator for Keras CNNs; `python -m sweeper --help` tells how it is used."""
