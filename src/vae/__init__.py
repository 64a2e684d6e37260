"""The hierarchical VAE and its annealing strategies."""
