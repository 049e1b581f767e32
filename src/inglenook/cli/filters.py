"""The options that narrow a search, the same in every command that has them."""
