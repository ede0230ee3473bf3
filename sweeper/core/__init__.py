"""Plain building blocks that every package may import: errors, paths, trials, text, processes."""
