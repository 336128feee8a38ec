"""What stands above the product: running it on one machine, checking it, and the operator's commands."""
