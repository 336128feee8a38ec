"""Sentences of offices, of cash in people's hands, and of announcements."""

from core.messages import N_, NN_
from core.sentences.making import kind, refusal

PLAIN_MEMBER = kind("plain_member", N_("member without office"))
ASK_WHICH_ROLE = kind("ask_which_role", N_("Which office?"))
ASK_ROLE = kind("ask_role", N_("{name} asks you to be {office} of {group}. Do you accept?"))
WHAT_ROLE = kind("what_role", N_("{name} as {office}"))
ROLE_GIVEN = kind("role_given", N_("{group}: {name} is {office} now."))
ROLE_TAKEN = kind("role_taken", N_("{name} has no office in {group} any more."))
ASKED_OF = kind("asked_of", N_("{name} is asked on their own phone. It is done when they say yes."))
ASKED_ALL = kind("asked_all", N_("The members of {group} are asked: it takes two officers and more than half of all."))
SURE_SUCCESSOR = kind(
    "sure_successor", N_("{name} becomes organiser of {group} in the organiser's place. Are you sure?")
)
ASK_SUCCESSOR = kind(
    "ask_successor", N_("{name} hands {group} over to you: you would be its organiser. Do you accept?")
)
ASK_ELECTION = kind("ask_election", N_("{group}: {name} proposes {to} as the new organiser. Do you agree?"))
refusal("role.same", N_("{name} has that office already."))

ASK_HANDED = kind("ask_handed", N_("How much did you hand over? You hold {amount}."))
ASK_HANDOVER = kind("ask_handover", N_("{group}: {name} says to have handed you {amount} in cash. Did you get it?"))
WHAT_HANDOVER = kind("what_handover", N_("{amount} from {giver} to {taker}"))
HANDED_OVER = kind("handed_over", N_("{group}: {giver} has handed {amount} in cash to {taker}, both confirmed it."))
HOLDS = kind("holds", N_("{group}, cash in hand:\n{lines}"))
HOLDS_LINE = kind("holds_line", N_("{number}. {name}: {amount}"))
ADVANCED_LINE = kind("advanced_line", N_("{number}. {name}: has paid {amount} more than they took in"))
WHO_HOLDS = kind("who_holds", N_("Cash in hand:\n{lines}"))
HOLDS_NONE = kind("holds_none", N_("{group}: nobody holds cash."))
refusal("cash.to_oneself", N_("Cash is handed to somebody else."))
refusal("cash.no_officer", N_("{name} has no office: only officers take cash for the equb."))
refusal("cash.not_held", N_("You hold {held} for the equb, not more."))

ASK_ANNOUNCEMENT = kind("ask_announcement", N_("What shall all members hear?"))
ANNOUNCEMENT = kind("announcement", N_("{group}, {name} says: {said}"))
ANNOUNCED = kind("announced", NN_("{count} member of {group} is told.", "{count} members of {group} are told."))
refusal("announce.empty", N_("There is nothing to tell."))
refusal("announce.too_long", N_("That is too long: at most {most} letters."))
refusal("announce.too_many", N_("{most} announcements a day are enough. Please try again tomorrow."))
