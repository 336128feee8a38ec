"""Payouts: a pot going to the holders of the lot that was found, in legs split by their shares.

A pot pays out what has come in, never what should have: while some still owe, each holder may get the part of
it that their share gives, and the rest follows in further legs. Where several lots are found in a round, and
for the organiser's fee and every other deduction, the same holds: everybody is entitled to their part of what is
there. Refuses to pay more than a pot holds, or a leg twice.
"""

from core.payouts.making import add_legs, approve, create, holders, refit
from core.payouts.paying import (
    OwnDue,
    after_late_money,
    leg,
    net_own,
    netting_postings,
    own_dues,
    pay,
    receive,
    set_off,
    take_back,
    waiting,
)
from core.payouts.records import Leg, Payable, Payout, new_leg, source
from core.payouts.sharing import RESERVE, came_in, payable, standing

__all__ = [
    "RESERVE",
    "Leg",
    "OwnDue",
    "Payable",
    "Payout",
    "add_legs",
    "after_late_money",
    "approve",
    "came_in",
    "create",
    "holders",
    "leg",
    "net_own",
    "netting_postings",
    "new_leg",
    "own_dues",
    "pay",
    "payable",
    "receive",
    "refit",
    "set_off",
    "source",
    "standing",
    "take_back",
    "waiting",
]
