"""Sentences of coming late into a running cycle, and of leaving one."""

from core.messages import N_
from core.sentences.making import kind, refusal

ASK_LATE_BACK_PAY = kind(
    "ask_late_back_pay",
    N_(
        "{group} has begun. You would pay {amount} for the rounds that have been, {rounds} rounds in all, and receive "
        "{pot} once. Do you want that? An officer must agree."
    ),
    N_("{group} has begun: {amount} now for past rounds, {rounds} rounds in all, pot {pot}. Join if they agree?"),
)
ASK_LATE_SHORT = kind(
    "ask_late_short",
    N_(
        "{group} has begun. You would take a shorter place: pay for {rounds} rounds and get {pot} back in the last. Do "
        "you want that? An officer must agree."
    ),
    N_("{group} has begun. A shorter place: pay {rounds} rounds, get {pot} in the last. Join if an officer agrees?"),
)
LATE_ASKED = kind("late_asked", N_("The officers of {group} are asked. You hear from me when one has answered."))
ASK_ADMIT_BACK_PAY = kind(
    "ask_admit_back_pay",
    N_(
        "{group}: {name} wants to join late, pays {amount} for past rounds now, {rounds} rounds in all. There is one "
        "round more, and the pot is {pot}. Do you agree?"
    ),
    N_("{group}: {name} joins late, pays {amount} for past rounds; {rounds} rounds, pot {pot}. Agree?"),
)
ASK_ADMIT_SHORT = kind(
    "ask_admit_short",
    N_(
        "{group}: {name} wants a shorter place: pays {amount} now, {rounds} rounds in all, and gets {pot} back in the "
        "last round. Pots stay as they are. Do you agree?"
    ),
    N_("{group}: {name} wants a short place: {amount} now, {rounds} rounds, {pot} back at the end. Agree?"),
)
WHAT_LATE = kind("what_late", N_("{name} joining late"))
LATE_YOU = kind(
    "late_you",
    N_("Welcome to {group}: lot {lot} is yours. {amount} for past rounds is due now; {rounds} rounds, pot {pot}."),
)
LATE_YOU_SHORT = kind(
    "late_you_short",
    N_("Welcome to {group}: lot {lot} is yours. {amount} is due now; after {rounds} rounds you get {pot}."),
)
LATE_ALL = kind(
    "late_all", N_("{group}: {name} joins late with lot {lot}. Pots are {pot} now, and there are {rounds} rounds.")
)
LATE_ALL_SHORT = kind(
    "late_all_short", N_("{group}: {name} joins with lot {lot}, pays for {rounds} rounds and gets {pot} at the end.")
)
refusal("late.not_allowed", N_("{group} has begun, and its rules let nobody in before the next cycle."))
refusal("late.over", N_("{group} is nearly over: nobody can join before the next cycle."))
refusal("late.whole_lot", N_("Who comes late takes one whole lot."))

ASK_LEAVE = kind(
    "ask_leave",
    N_(
        "Leave {group}? You owe nothing more and are in no draw. Of the {paid} you paid, {fee} stays as the fee; the "
        "rest comes back at the end of the cycle. An officer must agree."
    ),
    N_("Leave {group}? Of {paid} you paid, {fee} is the fee, the rest comes back at the end. An officer must agree."),
)
LEAVE_ASKED = kind("leave_asked", N_("The officers of {group} are asked. You hear from me when one has answered."))
ASK_LET_LEAVE = kind(
    "ask_let_leave",
    N_(
        "{group}: {name} wants to leave, has paid {paid} and gets it back at the end less {fee}. Pots still to come "
        "are {pot} instead of {whole}. Do you agree?"
    ),
    N_("{group}: {name} wants to leave; {paid} less {fee} goes back at the end. Pots: {pot}, not {whole}. Agree?"),
)
WHAT_LEAVE = kind("what_leave", N_("{name} leaving"))
LEAVES = kind("leaves", N_("{group}: {name} has left. Pots still to come are {pot}."))
YOU_LEAVE = kind(
    "you_leave",
    N_("{group}: you have left and owe nothing more. {amount} comes back to you in the last rounds; the fee is {fee}."),
)
REFUND_YOU = kind("refund_you", N_("{group}: {amount} is to be paid back to you, as it comes in."))
REFUND_TO_PAY = kind("refund_to_pay", N_("{group}: {amount} goes back to {name}, as it comes in: PAYOUT {number}."))
STATUS_LOT_LEFT = kind("status_lot_left", N_("Lot {lot} ({share}): you have left with it."))
refusal("leave.received", N_("You have received in {group}: what you still owe stays owed, and nobody leaves with it."))
refusal("leave.shared", N_("Your lot is shared. Somebody else can take your part: the officers send REPLACE."))
refusal("leave.last", N_("Your turn comes in the round of {group} that is open. Nobody can leave now."))
refusal("leave.listed", N_("A draw is being held. Please try again when it is over."))
refusal("leave.nothing", N_("You hold nothing in {group}."))
refusal(
    "leave.several_lots", N_("Where several lots receive in a round nobody can leave; another can take your place.")
)
refusal("rules.leaving_one_lot", N_("A fee for leaving needs an equb where one lot receives in each round."))
