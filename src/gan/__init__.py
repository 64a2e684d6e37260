"""The GAN and its remedies against mode collapse."""
