"""Measurements. ``bench.ledger`` runs by itself; the others share one machine, started by ``python -m bench``."""
