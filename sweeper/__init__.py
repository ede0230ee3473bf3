"""A hyperparameter sweep orchestrator for Keras CNNs; `python -m sweeper --help` shows how it is used."""
