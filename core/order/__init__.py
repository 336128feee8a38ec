"""Who receives in which round: drawn, fixed, by need, by auction; swaps, merges, and what was drawn."""
