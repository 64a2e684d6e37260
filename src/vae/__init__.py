"""The hierarchical variational autoencoder and what keeps its levels alive."""
