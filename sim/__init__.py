"""The simulated retail chain: physical stock, what each system believes of it, and what goes wrong."""
