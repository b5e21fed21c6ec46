"""The rules: pure functions from state, an event and an instant to new state and effects.

Nothing here does I/O, reads a clock or draws a random number; data files are read by the shell and handed in.
"""
