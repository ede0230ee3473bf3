"""The search space: Hydra's sweep overrides as dimensions, rules and composed points."""
