"""The Equb itself: people, groups, rounds, draws, payouts, the ledger and the conversation.

Imports nothing else of ours: no channel, no web framework, no queue.
"""
