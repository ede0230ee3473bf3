"""The formats that files of arrays have: `.npz` (`npz`) and MNIST's (`idx`).

What does not live here: what the arrays must be (`sweeper.data.user`, `sweeper.data.published`).
"""
