"""Those who do the work: us, hand-written loops, and other people's clients.

Each is a function of a `Job` and a `Watch` that returns how many records it got.
"""
