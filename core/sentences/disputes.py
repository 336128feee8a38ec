"""Sentences of disputes: what a member says is wrong, and what the officers answer."""

from core.messages import N_
from core.sentences.making import kind, refusal

RECEIPT_NAMED = kind("receipt_named", N_("receipt {code}, {amount}"))
PAYOUT_NAMED = kind("payout_named", N_("pot of lot {lot}, round {round}, {amount}"))
DUE_NAMED = kind("due_named", N_("due of round {round}, {amount}"))
ASK_WHAT_IS_WRONG = kind("ask_what_is_wrong", N_("Which receipt? Write its code, or ROUND 3, or LOT 3."))
ASK_WHY_WRONG = kind("ask_why_wrong", N_("What is wrong with it?"))
DISPUTE_RAISED = kind(
    "dispute_raised", N_("Noted, the officers are asked: {what}. Nothing is lost; you hear the answer. 0: take back.")
)
DISPUTE_TO_OFFICER = kind("dispute_to_officer", N_("{group}: {name} says this is wrong: {what}. {said}"))
CORRECT_IT = kind("correct_it", N_("Correct it"))
IT_STANDS = kind("it_stands", N_("It stands"))
ASK_OUTCOME = kind("ask_outcome", N_("Is it corrected, or does it stand?"))
ASK_OUTCOME_OF = kind("ask_outcome_of", N_("{name}, {what}: is it corrected, or does it stand?"))
ASK_ANSWER = kind("ask_answer", N_("Why? Both sides will read it."))
ASK_WHICH_DISPUTE = kind("ask_which_dispute", N_("Which dispute?"))
DISPUTE_LABEL = kind("dispute_label", N_("{name}: {what}"))
DISPUTE_ANSWERED = kind("dispute_answered", N_("{name} hears your answer."))
DISPUTE_ANSWERED_BACK = kind(
    "dispute_answered_back", N_("{name} hears your answer. Taken back: {what}. Now record what is right.")
)
DISPUTE_WITHDRAWN = kind("dispute_withdrawn", N_("{group}: {name} no longer disputes it: {what}."))
UNDONE_DISPUTE = kind("undone_dispute", N_("Taken back: you no longer dispute it: {what}."))
DISPUTE_CORRECTED = kind(
    "dispute_corrected", N_("{group}: the dispute of {name} ({what}) is right, it is taken back. Answer: {words}")
)
DISPUTE_STANDS = kind("dispute_stands", N_("{group}: the dispute of {name} ({what}) is answered, it stands: {words}"))
DISPUTE_WAITS = kind("dispute_waits", N_("{group}: the dispute of {name} ({what}) waits since {on}: {said}"))
refusal("dispute.nothing", N_("There is nothing of that kind in the book."))
refusal("dispute.not_yours", N_("That is another member's. Only they can dispute it."))
refusal("dispute.empty", N_("Please say in words why."))
refusal("dispute.open_already", N_("The officers are already asked about this."))
refusal("dispute.settled", N_("This dispute has been answered already."))
refusal("dispute.own", N_("Another officer answers what you dispute."))
refusal("dispute.none", N_("{group}: nobody disputes anything."))
refusal("dispute.none_of", N_("Nobody disputes receipt {code} now."))
refusal("dispute.unknown", N_("There is no such dispute."))
refusal("due.unknown", N_("There is no such due."))
