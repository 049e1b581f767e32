"""The documents of a person: reading, cutting, keeping and finding them."""
