"""Sentences of what others must agree to before it is done."""

from core.messages import N_
from core.sentences.making import kind, refusal

AGREED = kind("agreed", N_("Thank you, noted. You hear from {group} when all have answered."))
AGREED_DONE = kind("agreed_done", N_("Thank you. With your answer it is done."))
AGREED_IN_VAIN = kind("agreed_in_vain", N_("Thank you, but it is no longer possible: nothing was done."))
PROPOSAL_REFUSED = kind("proposal_refused", N_("{group}: {name} said no, nothing was done: {what}"))
PROPOSAL_EXPIRED = kind("proposal_expired", N_("{group}: not all have answered in time, nothing was done: {what}"))
PROPOSAL_FAILED = kind("proposal_failed", N_("{group}: all agreed, but it is no longer possible: {what}"))

refusal("proposal.unknown", N_("This question is no longer open."))
refusal("proposal.settled", N_("This has been settled already."))
refusal("proposal.not_asked", N_("You are not asked about this."))
refusal("proposal.nobody", N_("There is nobody who could agree to this."))
