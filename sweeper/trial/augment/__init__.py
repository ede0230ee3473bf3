"""Augmentation: random changes of the training images, drawn from seed, epoch and image."""
