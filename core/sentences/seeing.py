"""Sentences of what members look at."""

from core.messages import N_, NN_
from core.sentences.making import kind

STATUS = kind("status", N_("{group}: {due}\n{lots}"))
STATUS_FORMING = kind(
    "status_forming", N_("{group} (code {code}): {taken} of {lots} lots are taken. It has not begun.")
)
STATUS_OWES = kind("status_owes", N_("you owe {amount}, due {due}."))
STATUS_LATE = kind("status_late", N_("you owe {amount}, late since {due}."))
STATUS_LATER = kind("status_later", N_("Later, from {due} on: {amount}."))
STATUS_PAID = kind("status_paid", N_("you have paid everything. Next due {due}."))
STATUS_ALL_PAID = kind("status_all_paid", N_("you have paid everything."))
STATUS_ADVANCE = kind("status_advance", N_("{amount} is paid in advance."))
STATUS_LOT = kind("status_lot", N_("Lot {lot} ({share}): not drawn yet."))
STATUS_LOT_DRAWN = kind(
    "status_lot_drawn", N_("Lot {lot} ({share}): drawn in round {round}, {paid} of {amount} paid out.")
)
STATUS_NO_LOT = kind("status_no_lot", N_("You hold no lot."))
STATUS_SUSPENDED = kind("status_suspended", N_("You are suspended: your lots are in no draw."))
STATUS_CLAIM = kind("status_claim", N_("Waiting for an officer: {amount} (no. {code})."))
STATUS_HOLDS = kind("status_holds", N_("You hold {amount} for the group."))
ROUND = kind(
    "round", N_("{group}, round {round} of {rounds}: {collected} of {pot} collected, due {due}, lots are drawn {draw}.")
)
ROUND_DRAWN = kind(
    "round_drawn", N_("{group}, round {round} of {rounds}: {collected} of {pot} collected. Drawn: lot {lots}.")
)
HISTORY = kind("history", N_("{group}, your last payments:\n{lines}"))
HISTORY_NONE = kind("history_none", N_("{group}: you have paid nothing yet."))
HISTORY_LINE = kind("history_line", N_("{on} {amount} {state} {code}"))
CLAIMED_WORD = kind("claimed_word", N_("said"))
RECORDED_WORD = kind("recorded_word", N_("recorded"))
VERIFIED_WORD = kind("verified_word", N_("confirmed"))
REVERSED_WORD = kind("reversed_word", N_("taken back"))
DECLINED_WORD = kind("declined_word", N_("not arrived"))
HISTORY_LINE_WAY = kind("history_line_way", N_("{on} {amount} {method}, {state} {code}"))
RECEIVED_LINE_WAY = kind("received_line_way", N_("{on} {amount} received {method}, lot {lot}"))
NETTED_LINE = kind("netted_line", N_("{on} {amount} of lot {lot} kept for what you owed"))
SET_OFF_LINE = kind("set_off_line", N_("{on} {amount} for lot {lot} counted for your next dues"))
IN_KIND_WAY = kind("in_kind_way", N_("in kind"))
BANK_WAY = kind("bank_way", N_("by bank"))
MOBILE_WAY = kind("mobile_way", N_("by mobile money"))
RECEIVED_LINE = kind("received_line", N_("{on} {amount} received, lot {lot}"))
RULES = kind(
    "rules",
    N_(
        "{group} (code {code}): {amount} a lot {rhythm}, {lots} lots, {rounds} rounds, {drawn} drawn each round. "
        "The pot is {pot}, {fee} of it already left to the organiser. Lots are drawn by a public draw that anybody "
        "can check; who owes anything at the cut-off is left out of that draw."
    ),
    N_(
        "{group} ({code}): {amount} {rhythm}, {lots} lots, {rounds} rounds, pot {pot} after {fee} fee. Drawn "
        "publicly; who owes is left out."
    ),
)
# Where lots are found in another way than by the public draw, or more has been chosen: a sentence for each rule.
RULES_CHOSEN = kind(
    "rules_chosen",
    N_(
        "{group} (code {code}): {amount} a lot {rhythm}, {lots} lots, {rounds} rounds, {drawn} receive each round. "
        "The pot is {pot}, what is taken off already left out.\n{lines}\nWho owes anything at the cut-off is left out "
        "of that round."
    ),
    N_("{group} ({code}): {amount} {rhythm}, {lots} lots, {rounds} rounds, pot {pot}.\n{lines}"),
)
MEMBERS = kind("members", NN_("{group}, {count} member:\n{lines}", "{group}, {count} members:\n{lines}"))
MEMBER_LINE = kind("member_line", N_("{number}. {name}: {share}"))
MEMBER_LINE_SUSPENDED = kind("member_line_suspended", N_("{number}. {name} (suspended): {share}"))
MEMBER_LINE_OFFICE = kind("member_line_office", N_("{number}. {name} ({office}): {share}"))
ORGANISER = kind("organiser", N_("organiser"))
SECRETARY = kind("secretary", N_("secretary"))
COLLECTOR = kind("collector", N_("collector"))
ONE_LOT = kind("one_lot", NN_("{count} lot", "{count} lots"))
PART_OF_LOT = kind("part_of_lot", N_("{share} lot"))
NO_LOT = kind("no_lot", N_("no lot"))
