"""What networks and debit schemes allow at most, and what they charge for more, as data.

The one rule: a network rule is a ceiling on the policy's ladder, never a schedule (rule `engine.ceiling`).
"""
