"""What a decline means: one data file per code list, and the one function that reads them.

The one rule: a code is never read without its dialect.
"""
