"""One module per command: `configure(parser)` declares its words, `run(session)` does the work and returns the exit code."""
