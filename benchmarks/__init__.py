"""Every figure of speed and memory that the README states, as a command: ``make bench``.

Machines differ and are noisy, so what counts is a ratio of two things measured in turn within one
run; seconds are printed beside it for orientation only.
"""
