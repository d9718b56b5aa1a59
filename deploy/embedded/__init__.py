"""Triton and the gateway on a machine that has Python and nothing else."""
