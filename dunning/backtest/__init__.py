"""Backtests: recorded input run under several policies on the virtual clock, and compared.

The one rule: what was recorded is a fact; what never happened is not known, and is counted apart.
"""
