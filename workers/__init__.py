"""Work that nobody waits for: notices delivered at the providers' pace, groups woken when something is due.

Owns: the queue, its actors, the ticker and the pacing. Refuses: rules (those stand in core) and memory of its
own: whatever Redis holds can be made again from PostgreSQL, and is, every second.
"""
