"""A finished grid as a table: any sampler and pruner searches it again and again, and nothing is trained.

sweep -> table: every epoch's answers and seconds, by configuration and seed
draws of images and seeds -> scores that a search sees, and images that it does not
searches: the driver, the scheduler, the sampler and the pruner of a real sweep, on a virtual clock
regret on the images that were not drawn, by epochs -> printed, CSV, picture
"""
