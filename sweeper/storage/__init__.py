"""The study (Optuna's database), the sweep's locks, and sweeps read back from them."""
