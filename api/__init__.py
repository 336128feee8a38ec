"""HTTP: the admin API and console, webhooks, the public page of a draw, health and metrics."""
