"""How fast this laboratory is, against plain PyTorch and against its own size, measured side by side in one process."""
