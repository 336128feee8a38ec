"""Sentences of money in its further forms: fees apart, fines, deductions and funds, netting, loans, pots in kind."""

from core.messages import N_
from core.sentences.making import refusal

refusal(
    "payout.waits",
    N_("The pot of round {round} is not full yet: {amount} is missing. This equb pays a pot only when it is whole."),
)
