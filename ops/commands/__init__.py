"""The commands of `./equb`, one module each.

A module's name is the command's (with _ for -), the first line of its docstring is its line in `./equb help`,
and its `main(arguments)` returns the exit status. `ops.errors.CannotStart` becomes one line and its status.
"""
