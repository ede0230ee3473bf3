"""`report.refit`: the chosen configuration is trained anew on training and validation images together.

conditions   what it cannot be asked of
training     what is trained, once, and how it is recorded
"""
