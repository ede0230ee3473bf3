"""Which trial runs next: grid, samplers, pruners and budgets."""
