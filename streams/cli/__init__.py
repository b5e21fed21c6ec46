"""The command line `dunning`: one module a command. Rule: standard output holds only results."""
