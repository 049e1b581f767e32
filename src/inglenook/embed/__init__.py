"""Texts to vectors; knows models, not documents or indexes."""
