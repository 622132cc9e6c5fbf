"""`python -m benchmarks`: what the product costs, beside what does the same without it.

Absolute figures hold for one machine at one time. So both sides of a ratio are measured in one run, turn by
turn, and a ratio is taken within a turn; what is told is the median over the turns.
"""
