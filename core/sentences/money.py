"""Sentences of money in its further forms: fees apart, fines, deductions and funds, netting, loans, pots in kind."""

from core.messages import N_
from core.sentences.making import kind, refusal

refusal(
    "payout.waits",
    N_("The pot of round {round} is not full yet: {amount} is missing. This equb pays a pot only when it is whole."),
)

FINED = kind(
    "fined", N_("{group}: a fine of {amount}, because round {round} was not paid in time. PAY when you have paid it.")
)

refusal("fine.no_lot", N_("Only who holds a lot in an equb that has begun can be fined."))
refusal("fine.unknown", N_("There is no such fine."))
refusal("fine.taken_back", N_("This fine has been taken back already."))
