"""The commands of `farebox`: what was asked on the left, one module a group of commands.

`program` holds the whole map and turns errors into one line and an exit code; `output` prints
tables, facts and findings; `arguments` reads what several commands take.
"""
