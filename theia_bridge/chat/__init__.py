"""Language models: which there are, and how they are asked."""
