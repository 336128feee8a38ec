"""Sentences of how a lot is found other than by the draw: by turn, by decision, by auction, before witnesses."""

from core.messages import N_, NN_
from core.sentences.making import kind, refusal

ABOUT_ORDER = kind("about_order", N_("Shows how lots are found, and whose turn is when."))
ABOUT_TURN = kind("about_turn", N_("Gives a turn before the equb begins: TURN 7 3 is round 3 for member 7."))
ABOUT_SWAP = kind("about_swap", N_("Asks a member to change turns with you: SWAP 7."))
ABOUT_PASS = kind("about_pass", N_("Gives your turn to the next, or to a member: PASS, PASS 7. You take theirs."))
ABOUT_MERGE = kind("about_merge", N_("Makes one lot of two parts, yours and another's: MERGE 7."))
ABOUT_NEED = kind("about_need", N_("Tells the officers why you need the pot soon: NEED hospital."))
ABOUT_DECIDE = kind("about_decide", N_("An officer decides who receives in this round: DECIDE 7."))
ABOUT_BID = kind("about_bid", N_("Says what you leave to all to receive in this round: BID 200."))

ABOUT_PIN = kind(
    "about_pin", N_("Sets your PIN, 4 to 6 digits: PIN and the digits. To change it: the old, then the new.")
)
ABOUT_WITNESS = kind(
    "about_witness",
    N_("An officer enters a lot drawn on paper when the public number is missing for a day: WITNESS 7 is lot 7."),
)
PIN_SET = kind("pin_set", N_("It is set. Tell it to nobody, officers neither."))
ASK_NEW_PIN = kind("ask_new_pin", N_("Choose 4 to 6 digits and write them."))
ASK_PIN = kind("ask_pin", N_("Write your 4 to 6 secret digits to confirm it."))
WRONG_PIN = kind("wrong_pin", N_("Those are not your secret digits. Please write them again."))
ASK_LOT = kind("ask_lot", N_("Which lot?"))
WITNESS_ASKED = kind(
    "witness_asked",
    N_("{group}, round {round}: {name} says that lot {lot} was drawn on paper before you. Did you see it?"),
)
WITNESS_WAITS = kind(
    "witness_waits", N_("{group}: members without office are asked. Two must confirm with their secret digits.")
)
WITNESS_WHAT = kind("witness_what", N_("lot {lot} drawn on paper"))

# How a lot was found, inside the announcement of it.
FOUND_LOT = kind("found_lot", N_("Lot {lot}: {names} ({how}). How: VERIFY {code}"))
YOUR_TURN = kind(
    "your_turn",
    N_(
        "Congratulations! Your lot {lot} receives in {group}, round {round} ({how}). The pot is {pot} when all have "
        "paid. How: VERIFY {code}\n{next}"
    ),
    N_("Congratulations! Your lot {lot} receives in {group}, round {round} ({how}). Pot {pot}. VERIFY {code}\n{next}"),
)
HOW_TURN = kind("how_turn", N_("its turn, as the group fixed it"))
HOW_TURN_DRAWN = kind("how_turn_drawn", N_("its turn, drawn once for all: {code}"))
HOW_ORGANISER = kind("how_organiser", N_("the organiser's, first by the rules"))
HOW_NEED = kind("how_need", N_("decided by {by}"))
HOW_AUCTION = kind("how_auction", N_("highest bid, {amount} left to all"))
HOW_BID = kind("how_bid", N_("highest bid, {said}"))
HOW_TIED = kind("how_tied", N_("drawn among equal bids, {amount} left to all"))
OFFICER_NO = kind("officer_no", N_("the {office}, no. {number}"))
ADMINISTRATOR = kind("administrator", N_("the operator's administrator"))
HOW_WITNESSED = kind("how_witnessed", N_("drawn on paper before two witnesses, not computed"))
HOW_WITNESSED_BY = kind("how_witnessed_by", N_("drawn on paper before two witnesses, members {numbers}"))
HOW_OTHER = kind("how_other", N_("not computed"))
LIST_OF_ROUND = kind("list_of_round", NN_("Of {count} lot (list {list}).", "Of {count} lots (list {list})."))
NOT_COMPUTED = kind(
    "not_computed",
    N_(
        "{code}: lot {lot}, round {round}: {how}. No draw was computed, so none can be checked; this record is sealed "
        "({record}). {url}"
    ),
    N_("{code}: lot {lot}, round {round}: {how}. Not computed; sealed record {record}. {url}"),
)
VERIFIED_TURN = kind(
    "verified_turn", N_("{code}: pick no. {number} of the turns was lot {lot}. All {checks} checks hold. {url}")
)
PASSED_OVER = kind("passed_over", N_("Lot {lot} was passed over: {reason}. It comes in round {round}."))
ORGANISER_PASSED = kind("organiser_passed", N_("The organiser's lot was passed over: {reason}."))
REASON_ARREARS = kind("reason_arrears", N_("something is still owed for it"))
REASON_GUARANTOR = kind("reason_guarantor", N_("no guarantor yet"))
REASON_SUSPENDED = kind("reason_suspended", N_("suspended"))
REASON_OLD_DEBT = kind("reason_old_debt", N_("something of an earlier cycle is still owed"))
REASON_OTHER = kind("reason_other", N_("not on the list of this round"))

ORDER = kind("order", N_("{group}: {how}\n{lines}"))
ORDER_DRAWN = kind("order_drawn", N_("A lot is drawn in each round."))
ORDER_DRAWN_ONCE = kind("order_drawn_once", N_("The turns are drawn once, for all rounds."))
ORDER_FIXED = kind("order_fixed", N_("The turns are fixed by the group."))
ORDER_NEED = kind("order_need", N_("The officers decide by need who receives."))
ORDER_AUCTION = kind("order_auction", N_("Who leaves most to the others receives."))
ORDER_FROM = kind("order_from", N_("From round {round}: {how}"))
ORDER_FIRST = kind("order_first", N_("Round 1 goes to the organiser."))
TURN_LINE = kind("turn_line", N_("Round {round}: lot {lot}, {names}"))
TURN_LINE_DONE = kind("turn_line_done", N_("Round {round}: lot {lot}, {names} (received)"))
TURN_SET = kind("turn_set", N_("{group}: lot {lot} of {name} has its turn in round {round}. ORDER shows all."))
ASK_ROUND = kind("ask_round", N_("Which round?"))
ORDER_SEALED = kind(
    "order_sealed",
    N_(
        "{group}: the turns of all {count} lots are drawn {draw}, once, with beacon round {beacon}. List code {list}. "
        "ORDER shows them then."
    ),
    N_("{group}: the turns are drawn {draw}, once, beacon {beacon}. List {list}. Then: ORDER"),
)
ORDER_HELD = kind("order_held", N_("{group}: the turns are drawn.\n{lines}\nTo check: VERIFY {code}"))
YOUR_TURN_OF_LOT = kind("your_turn_of_lot", N_("Your lot {lot} receives in round {round}."))
CYCLE_BEGUN_ORDER = kind(
    "cycle_begun_order",
    N_(
        "{group} begins: {amount} a lot, {lots} lots, {rounds} rounds, pot {pot}. Round 1 is due {due}. Seal of all "
        "draws: {anchor}. To pay: PAY.\n{how}"
    ),
    N_("{group} begins: {amount} a lot, {rounds} rounds, pot {pot}. Round 1 due {due}.\n{how}"),
)
ROUND_ORDER = kind("round_order", N_("{group}, round {round} of {rounds}: {collected} of {pot} collected, due {due}."))
ROUND_FOUND = kind(
    "round_found", N_("{group}, round {round} of {rounds}: {collected} of {pot} collected. Lot {lots} received.")
)
STATUS_LOT_WAITS = kind("status_lot_waits", N_("Lot {lot} ({share}): has not received yet."))
STATUS_LOT_TURN = kind("status_lot_turn", N_("Lot {lot} ({share}): its turn is round {round}."))
STATUS_LOT_RECEIVED = kind(
    "status_lot_received", N_("Lot {lot} ({share}): received in round {round}, {paid} of {amount} paid out.")
)

SWAP_ASKED = kind(
    "swap_asked",
    N_("{group}: {name} asks that lot {lot} (round {round}) and lot {other} (round {other_round}) change places. Yes?"),
)
PASS_ASKED = kind(
    "pass_asked",
    N_("{group}: {name} gives the turn of lot {lot} in round {round} to lot {other}, for round {other_round}. Yes?"),
)
SWAP_WAITS = kind("swap_waits", N_("{group}: all holders of lots {lot} and {other} and the organiser are asked."))
SWAP_WHAT = kind("swap_what", N_("lots {lot} and {other} change places"))
SWAPPED = kind(
    "swapped",
    N_("{group}: all agreed. Lot {lot} now has round {round}, lot {other} round {other_round}."),
)
MERGE_ASKED = kind(
    "merge_asked",
    N_("{group}: {name} and {other} want to hold one lot together; the other parts of lots {lots} become one. Yes?"),
)
MERGE_WAITS = kind("merge_waits", N_("{group}: all holders of lots {lots} are asked."))
MERGE_WHAT = kind("merge_what", N_("the parts of lots {lots} are put together anew"))
MERGED = kind("merged", N_("{group}: done. Lot {lot} is now held by {names}."))
MERGED_BOTH = kind(
    "merged_both", N_("{group}: done. Lot {lot} is now held by {names}; lot {other} is held by {others}.")
)

NEED_NOTED = kind("need_noted", N_("{group}: the officers are told that you need it soon."))
NEED_TOLD = kind("need_told", N_("{group}: {name} (no. {number}) needs the pot soon: {reason}"))
LIST_TO_DECIDE = kind(
    "list_to_decide",
    N_("{group}, round {round}: the list is fixed, the officers now decide. Lots in it: {count}. List code {code}."),
    N_("{group} round {round}: the officers decide. Lots: {count}. List {code}."),
)
PLEASE_DECIDE = kind(
    "please_decide",
    N_("{group}, round {round}: who receives? DECIDE and the member. Who asked for it:\n{lines}"),
)
PLEASE_DECIDE_FREE = kind(
    "please_decide_free", N_("{group}, round {round}: who receives? DECIDE and the member. Nobody has asked for it.")
)
LIST_TIED = kind(
    "list_tied",
    N_(
        "{group}, round {round}: equal bids for {count} lots, one is drawn {draw}. List code {code}, beacon round "
        "{beacon}."
    ),
    N_("{group} round {round}: {count} equal bids, drawn {draw}. List {code}, beacon {beacon}."),
)
AUCTION_OPEN = kind(
    "auction_open",
    N_(
        "{group}, round {round}: who leaves most of the pot of {pot} to all receives. Open until {due}, at most "
        "{amount}. To bid: BID and what you leave. ROUND shows the highest."
    ),
    N_("{group} round {round}: BID what you leave of {pot} to receive, until {due}, at most {amount}. Highest: ROUND"),
)
AUCTION_SEALED = kind(
    "auction_sealed",
    N_(
        "{group}, round {round}: who leaves most of the pot of {pot} to all receives. Until {due}, at most {amount}. "
        "To bid: BID and what you leave. Nobody sees your bid before."
    ),
    N_("{group} round {round}: BID what you leave of {pot} to receive, until {due}, at most {amount}. Kept secret."),
)
ASK_BID = kind("ask_bid", N_("How much of the pot do you leave to all? At most {amount}."))
SURE_BID = kind("sure_bid", N_("{group}, round {round}: lot {lot} leaves {amount} of {pot} to all. Bid it?"))
BID_NOTED = kind("bid_noted", N_("{group}, round {round}: your bid of {amount} for lot {lot} stands. It closes {due}."))
BID_FOR_LOT = kind("bid_for_lot", N_("{group}, round {round}: {amount} was bid for your lot {lot}."))
OUTBID = kind("outbid", N_("{group}, round {round}: you are outbid, the highest is now {amount}. More: BID"))
UNDONE_BID = kind("undone_bid", N_("{group}, round {round}: your bid of {amount} is taken back."))
UNDONE_BID_EARLIER = kind(
    "undone_bid_earlier",
    N_("{group}, round {round}: your bid of {amount} is taken back, the one of {left} stands again."),
)
BID_TAKEN_BACK = kind(
    "bid_taken_back", N_("{group}, round {round}: the bid of {amount} for your lot {lot} was taken back.")
)
HIGHEST_AGAIN = kind(
    "highest_again", N_("{group}, round {round}: a bid was taken back, yours of {amount} is the highest again.")
)
HIGHEST_BID = kind("highest_bid", N_("Highest bid: {amount} for lot {lot}, until {due}."))
NO_BID = kind("no_bid", N_("Nobody has bid. It closes {due}; without a bid the lot is drawn."))
NEED_LINE = kind("need_line", N_("{number}. {name}: {reason}"))
ASK_NEED = kind("ask_need", N_("Why do you need it now?"))
SURE_DECIDE = kind("sure_decide", N_("{group}, round {round}: lot {lot} of {name} (no. {number}) receives. Sure?"))
DECIDED = kind("decided", N_("{group}, round {round}: lot {lot} of {name} receives. All hear it, with your name."))

refusal("order.other_way", N_("In round {round} lots are found in another way. ORDER shows how."))
refusal("order.not_on_list", N_("Lot {lot} is not on the list of this round."))
refusal("order.drawn", N_("{group} draws its lots: nobody can give, take or change a turn."))
refusal("order.forming_only", N_("{group} has begun: turns change only by SWAP, when all agree."))
refusal("order.no_such_round", N_("{group} has rounds 1 to {rounds}."))
refusal("order.received", N_("Lot {lot} has received already."))
refusal("order.no_lot", N_("{name} holds no lot that is still to receive."))
refusal("order.same_lot", N_("That is the same lot."))
refusal("order.nobody_next", N_("{group}: no turn comes after yours."))
refusal("order.organiser_no_lot", N_("Round 1 goes to the organiser of {group}, who holds no lot. Change that first."))
refusal("order.no_need", N_("{group} does not decide by need. ORDER shows how."))
refusal("order.list_open", N_("{group}: the list of round {round} is fixed {due}. Decide then."))
refusal("order.not_eligible", N_("No lot of {name} is on the list of round {round}."))
refusal("order.decide_self", N_("Another officer must decide about your own lot."))
refusal("auction.none", N_("{group}: nothing is auctioned now. ORDER shows how lots are found."))
refusal("auction.too_high", N_("At most {amount} can be bid."))
refusal("auction.too_low", N_("A bid must be {amount} or more."))
refusal("auction.over", N_("No bids are taken any more: what was bid stands."))
refusal("auction.overbid", N_("Somebody has bid more since: your bid cannot be taken back."))
refusal("auction.replaced", N_("There is a later bid for lot {lot}: this one is gone already."))
refusal("auction.arrears", N_("Something is still owed for lot {lot}. Pay it first."))
refusal("merge.not_one", N_("Your part and that of {name} do not make one lot."))
refusal("merge.same_member", N_("Somebody would hold two parts of one lot. That is not possible."))
refusal("merge.list_fixed", N_("The list of round {round} is fixed. Please ask again after it."))
refusal("pin.not_understood", N_("Those are not 4 to 6 digits."))
refusal("pin.old", N_("You have one already. To change it: PIN, the old and the new."))
PIN_RESET = kind(
    "pin_reset",
    N_(
        "{name} lets you set a new PIN without the old one until {due}: PIN and 4 to 6 digits. You did not ask for it? "
        "Then send PIN, the old and the new one: that ends it."
    ),
    N_("{name} lets you set a new PIN without the old one until {due}. Not you? PIN, the old and a new one ends it."),
)
PIN_SET_ANEW = kind(
    "pin_set_anew",
    N_("Your PIN was set anew without the old one. It confirms nothing before {due}. Not you? Tell {name}."),
)
PIN_TOO_NEW = kind(
    "pin_too_new", N_("Your PIN was set anew without the old one. It confirms nothing before {due}. Send it here then.")
)
refusal("pin.none", N_("You have none yet. PIN and 4 to 6 digits sets it."))
refusal("pin.wait", N_("Too many wrong tries. Try again after {due}."))
refusal("witness.not_yet", N_("Paper lots count only when the public number was missing for 24 hours after the draw."))
refusal("witness.too_few", N_("It needs two members without office who have set secret digits: PIN and 4 digits."))
