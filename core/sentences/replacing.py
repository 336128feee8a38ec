"""Sentences of taking somebody's place, living or dead."""

from core.messages import N_
from core.sentences.making import kind, refusal

ABOUT_REPLACE = kind("about_replace", N_("Somebody else takes a member's place: REPLACE 7 and their phone number."))
ABOUT_HEIR = kind("about_heir", N_("A member has died: HEIR 7 and the phone number of the heir."))
ASK_PHONE = kind("ask_phone", N_("Which phone number?"))
PLACE_OFFERED = kind("place_offered", N_("{phone} is asked to take the place of {name}."))
# Whoever has agreed to nothing yet agrees to being kept by taking the place: the sentence is kept as shown.
ASK_TAKE_PLACE = kind(
    "consent_take_place",
    N_(
        "{group}: do you take the place of {name} (lot {lots}, {amount} each round)? We keep your name and number, and "
        "members see your name."
    ),
    N_("{group}: take the place of {name}, lot {lots}, {amount} each round? We keep your name; members see it."),
)
ASK_TAKE_DEBTS = kind("ask_take_debts", N_("{name} still owes {amount}. Do you take that over too?"))
PLACE_ASKED = kind("place_asked", N_("Thank you. The others of {group} are asked now; you hear from me."))
ASK_REPLACE = kind("ask_replace", N_("{group}: {name} would take the place of {of}, who owes {amount}. Do you agree?"))
ASK_HEIR = kind(
    "ask_heir", N_("{group}: {of} is said to have died, {name} would be the heir ({amount} owed). Do you agree?")
)
WHAT_PLACE = kind("what_place", N_("{name} in the place of {of}"))
PLACE_TAKEN = kind("place_taken", N_("{group}: {name} has taken the place of {of}, lot {lots}."))
refusal("place.nothing", N_("{name} holds nothing that could be taken over."))
refusal("place.oneself", N_("That is their own number."))
refusal("place.same_lot", N_("They share that lot already."))
refusal("place.declined", N_("All right, you take nobody's place."))
