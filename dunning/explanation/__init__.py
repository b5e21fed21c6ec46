"""Explanations: the recorded events of one invoice, told as a story for the people who support its payer.

The one rule: what is told was recorded. Nothing is decided anew; what comes next is read off the last state.
"""
