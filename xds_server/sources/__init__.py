"""Where configuration comes from. A source publishes batches of input values and nothing else."""
