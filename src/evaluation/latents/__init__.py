"""What the latents of a VAE on drum bars control, and whether what it makes is music."""
