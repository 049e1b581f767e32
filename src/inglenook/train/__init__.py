"""Training scripts of the shipped weights; they need PyTorch (`pip install inglenook[train]`)."""
