"""One trial in its own process: train, evaluate, save."""
