"""The command line: what people type, and what they read back. No logic of its own.

`main` finds the command; `parser` reads the words; `terminal` writes lines that are safe to look at; `session` holds what
every command needs; `commands/` has one module per command, imported only when that command runs.
"""
