"""Integers, terms and vectors to neighbours: derived data beside the store; knows nothing of documents."""
