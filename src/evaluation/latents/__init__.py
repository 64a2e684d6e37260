"""What the latents of a VAE on drum bars control, and how musical its samples are."""
