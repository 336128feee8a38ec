"""Payouts: a pot going to the holders of the lot that was found, in legs split by their shares.

A pot pays out what has come in, never what should have: while some still owe, each holder may get the part of
it that their share gives, and the rest follows in further legs. Where several lots are found in a round, and
for the organiser's fee and every other deduction, the same holds: everybody is entitled to their part of what is
there. Refuses to pay more than a pot holds, or a leg twice.
"""

from core.payouts.making import add_legs, approve, create, holders, refit
from core.payouts.netting import after_late_money, net_debts, net_own, old_debts, recall_reserve, set_off
from core.payouts.paying import leg, pay, receive, take_back, waiting
from core.payouts.records import Leg, Payable, Payout, new_leg, source
from core.payouts.sharing import RESERVE, account_of, came_in, gross_parts, payable, standing

__all__ = [
    "RESERVE",
    "account_of",
    "Leg",
    "Payable",
    "Payout",
    "add_legs",
    "after_late_money",
    "approve",
    "came_in",
    "create",
    "gross_parts",
    "holders",
    "leg",
    "net_debts",
    "net_own",
    "new_leg",
    "old_debts",
    "pay",
    "payable",
    "recall_reserve",
    "receive",
    "refit",
    "set_off",
    "source",
    "standing",
    "take_back",
    "waiting",
]
