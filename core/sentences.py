"""Every sentence of the conversation and the notices, in English; translations stand in ``locales/``.

Whole sentences with named placeholders, never glued together. ``brief`` is what an SMS says where the chat's
sentence is longer. Only characters of the GSM-7 alphabet, or a part holds 70 of them instead of 160.
"""

from typing import Any

from core import messages
from core.messages import N_, NN_, Kind, Message

KINDS: dict[str, Kind] = {}


def _kind(name: str, text: str | tuple[str, str], brief: str | None = None) -> Kind:
    """A sentence, or the two of ``NN_``, of which ``count`` decides."""
    one, many = (text, None) if isinstance(text, str) else text
    kind = KINDS[name] = Kind(name, one, brief, many)
    return kind


# --- Greeting, help, language -------------------------------------------------------------------------------

WELCOME = _kind(
    "welcome",
    N_(
        "Welcome to Equb. Here you found or join a savings group, pay in, and see every draw and every birr.\n"
        "NEW: found an equb. JOIN and its code: join one. HELP: all words. LANG: language."
    ),
    N_("Welcome to Equb. NEW: found an equb. JOIN + code: join one. HELP: all words. LANG: language."),
)
WELCOME_BACK = _kind("welcome_back", N_("Welcome back, {name}. STATUS: what is due. HELP: all words."))
HELP = _kind(
    "help",
    N_(
        "PAY 1000: I have paid. STATUS: what is due and what is mine. ROUND, HISTORY, RULES, MEMBERS: about the "
        "equb. JOIN code: join. LEAVE: leave. NEW: found an equb. VERIFY code: check a draw. LANG: language. "
        "NAME: your name. LINK: one person on phone and Telegram. UNDO or 0: take back. STOP: no more messages. "
        "HELP PAY: about one word."
    ),
    N_(
        "PAY, STATUS, ROUND, HISTORY, RULES, MEMBERS, JOIN code, LEAVE, NEW, VERIFY code, LANG, NAME, LINK, "
        "UNDO, STOP. HELP PAY: one word."
    ),
)
HELP_OFFICER = _kind(
    "help_officer",
    N_(
        "For officers: CASH 7 1000: member 7 has paid 1000. WHO: who has not paid. INVITE: how to invite. "
        "BEGIN: start the rounds. PAYOUT 7: member 7 got the pot."
    ),
    N_("Officers: CASH 7 1000, WHO, INVITE, BEGIN, PAYOUT 7."),
)
HELP_WORD = _kind("help_word", N_("{word}: {about}"))
NOT_UNDERSTOOD = _kind("not_understood", N_('I did not understand "{typed}". HELP shows all words.'))
ONLY_TEXT = _kind("only_text", N_("I can only read text. HELP shows all words."))
NOTHING_ASKED = _kind("nothing_asked", N_("There is no open question. HELP shows all words."))
EXPIRED = _kind("expired", N_("This question is no longer open; nothing was done. HELP shows all words."))
NEVER_MIND = _kind("never_mind", N_("All right, nothing was done."))
NOTHING_TO_UNDO = _kind("nothing_to_undo", N_("There is nothing to take back."))
THANKS = _kind("thanks", N_("You are welcome."))
FAILED = _kind("failed", N_("Something went wrong on our side; nothing was done. Please write again in a few minutes."))
ASK_LANGUAGE = _kind("ask_language", N_("Which language?"))
LANGUAGE_SET = _kind("language_set", N_("From now on I write English."))
STOPPED = _kind("stopped", N_("You get no more messages from Equb here. START: again. Your savings stay as they are."))
STARTED_AGAIN = _kind("started_again", N_("You get messages from Equb here again."))
ASK_NAME = _kind("ask_name", N_("What is your name?"))
NAME_SET = _kind("name_set", N_("Your name here is {name}."))
WHICH_GROUP = _kind("which_group", N_("Which equb?"))

# --- Linking a phone and a Telegram account ------------------------------------------------------------------

LINK_CODE = _kind(
    "link_code", N_("Your code is {code}. Write LINK {code} to our Telegram bot within 10 minutes. Tell it to nobody.")
)
SHARE_CONTACT = _kind("share_contact", N_("Share my number"))
FOREIGN_CONTACT = _kind(
    "foreign_contact", N_("That is somebody else's number. Only your own, sent with the button, counts.")
)
LINK_HOW = _kind(
    "link_how",
    N_(
        "To use your phone number here, press the button below, or send LINK by SMS from your phone and "
        "write the code here."
    ),
)
LINKED = _kind("linked", N_("Done: {phone} and this account are one person now, {name}."))
LINKED_NEW = _kind("linked_new", N_("Done: {phone} is yours here. JOIN and a code: join an equb. NEW: found one."))

# --- Founding and joining ------------------------------------------------------------------------------------

ASK_GROUP_NAME = _kind("ask_group_name", N_("What shall the equb be called?"))
ASK_GROUP_CODE = _kind("ask_group_code", N_("Which equb? Write its code."))
AMOUNT = _kind("amount", N_("{amount}"))
ASK_CONTRIBUTION = _kind("ask_contribution", N_("How much does one lot pay each round?"))
ASK_LOTS = _kind("ask_lots", N_("How many lots? Each pays every round and receives the pot once."))
ASK_RHYTHM = _kind("ask_rhythm", N_("How often?"))
DAILY = _kind("daily", N_("every day"))
WEEKLY = _kind("weekly", N_("every week"))
MONTHLY = _kind("monthly", N_("every month"))
EVERY_DAYS = _kind("every_days", NN_("every day", "every {count} days"))
CONSENT_FOUND = _kind(
    "consent_found",
    N_("Equb keeps your name and number for your savings group, and shows your name to its members. Do you agree?"),
)
CONSENT_JOIN = _kind(
    "consent_join",
    N_(
        "{group}: {amount} {rhythm}, {lots} lots, {rounds} rounds, the pot is {pot}. A pot pays out what has come "
        "in: who pays late makes it smaller at first. Equb keeps your name and number and shows your name to the "
        "members. Do you join?"
    ),
    N_(
        "{group}: {amount} {rhythm}, {lots} lots, pot {pot} if all pay. We keep your name and number; "
        "members see your name. Join?"
    ),
)
FOUNDED = _kind(
    "founded",
    N_(
        "{group} is founded: {amount} {rhythm}, {lots} lots, {rounds} rounds, the pot is {pot}. Its code is {code}. "
        "Others send JOIN {code}. You hold lot 1; for more or none: JOIN {code} 2 or JOIN {code} 0. "
        "When everybody is in, send BEGIN."
    ),
    N_(
        "{group} founded: {amount} {rhythm}, {lots} lots, pot {pot}. Others send JOIN {code}. You hold lot "
        "1. When all are in: BEGIN."
    ),
)
JOINED = _kind(
    "joined",
    N_(
        "You are member {number} of {group} and hold {share} (lot {lots}). You pay {amount} {rhythm}. "
        "You hear from me when it begins."
    ),
    N_("You are member {number} of {group}, lot {lots}, share {share}. You pay {amount} {rhythm}."),
)
JOINED_WITHOUT = _kind("joined_without", N_("You are member {number} of {group} and hold no lot."))
ALREADY_IN = _kind("already_in", N_("You are in {group} already, as member {number}, with {share} (lot {lots})."))
SOMEBODY_JOINED = _kind("somebody_joined", N_("{name} joined {group} with {share}. {taken} of {lots} lots are taken."))
ALL_IN = _kind("all_in", N_("{group} is full: all {lots} lots are taken. BEGIN starts it."))
INVITE = _kind(
    "invite",
    N_("To invite people to {group}: they send JOIN {code} to {number} by SMS, or open {link}"),
    N_("To invite to {group}: they send JOIN {code} to {number}"),
)
INVITE_NO_SMS = _kind("invite_no_sms", N_("To invite people to {group}: they send me JOIN {code}, or open {link}"))
INVITE_NO_BOT = _kind("invite_no_bot", N_("To invite people to {group}: they send JOIN {code} to {number} by SMS."))
INVITATION = _kind(
    "invitation",
    N_(
        "{name} invites you to the equb {group}: {amount} {rhythm}. To join, answer JOIN {code}. To hear no more: STOP."
    ),
)
INVITED = _kind("invited", N_("{phone} has been invited to {group}."))
ASK_BEGIN = _kind(
    "ask_begin",
    N_("{taken} of {lots} lots of {group} are taken. Begin with {taken} lots, a pot of {pot}? No more can join then."),
)
BEGUN = _kind("begun", N_("{group} begins: {lots} lots, {rounds} rounds, first due {due}."))
CYCLE_BEGUN = _kind(
    "cycle_begun",
    N_(
        "{group} begins: {amount} a lot, {lots} lots, {rounds} rounds, pot {pot}. Round 1 is due {due}; lots are "
        "drawn {draw} with beacon round {beacon}. Seal of all draws: {anchor}. To pay: PAY."
    ),
    N_("{group} begins: {amount} a lot, {rounds} rounds, pot {pot}. Round 1 due {due}. Seal {anchor}. To pay: PAY"),
)

# --- Paying in -----------------------------------------------------------------------------------------------

ASK_AMOUNT = _kind("ask_amount", N_("How much? You owe {amount} in {group}."))
ASK_AMOUNT_FREE = _kind("ask_amount_free", N_("How much? You owe nothing in {group} now."))
ASK_MEMBER = _kind("ask_member", N_("Which member? Number or name."))
ASK_MEMBER_AMONG = _kind("ask_member_among", N_("Which one?"))
MEMBER_LABEL = _kind("member_label", N_("{number}. {name}"))
ASK_AMOUNT_OF = _kind("ask_amount_of", N_("How much did {name} pay? {name} owes {amount}."))
SURE_CASH = _kind("sure_cash", N_("{amount} from {name} (no. {number}) in {group}, who owes {owed}. Record it?"))
CLAIMED = _kind(
    "claimed", N_("Noted: you say you paid {amount} to {group}. It counts when an officer confirms it. No. {code}.")
)
CLAIM_TO_OFFICER = _kind(
    "claim_to_officer", N_("{name} (no. {number}) says: paid {amount} to {group}. Did you get it?")
)
CLAIM_CONFIRMED = _kind(
    "claim_confirmed", N_("Recorded: {amount} from {name} in {group}. Receipt {code}. 0: take back.")
)
CLAIM_REFUSED = _kind("claim_refused", N_("All right: {amount} from {name} is not recorded, and {name} hears of it."))
CLAIM_DECLINED = _kind(
    "claim_declined", N_("{group}: the officers say your {amount} (no. {code}) did not arrive. Please talk to them.")
)
RECORDED = _kind(
    "recorded", N_("Recorded: {amount} from {name} (no. {number}) in {group}. Receipt {code}. 0: take back.")
)
RECEIPT = _kind("receipt", N_("{group}: received {amount} from you for round {rounds}. Receipt {code}."))
RECEIPT_AND_ADVANCE = _kind(
    "receipt_and_advance",
    N_("{group}: received {amount} from you for round {rounds}, {advance} of it in advance. Receipt {code}."),
)
RECEIPT_ADVANCE = _kind("receipt_advance", N_("{group}: received {amount} from you in advance. Receipt {code}."))
PAYMENT_REVERSED = _kind(
    "payment_reversed", N_("{group}: {amount} of {name} (receipt {code}) was taken back. Reason: {reason}")
)
PAYMENT_UNDONE = _kind("payment_undone", N_("{group}: {amount} of {name} (receipt {code}) was taken back at once."))
UNDONE_PAYMENT = _kind("undone_payment", N_("Taken back: {amount} of {name}, receipt {code}."))
UNDONE_CLAIM = _kind("undone_claim", N_("Taken back: your note that you paid {amount}."))
UNDONE_PAYOUT = _kind("undone_payout", N_("Taken back: the payout of {amount} to {name}."))
UNDONE_JOIN = _kind("undone_join", N_("Taken back: you are no longer in {group}."))
REMINDER = _kind("reminder", N_("{group}: {amount} is due {due} (round {round}). To say you paid: PAY."))
EVERYBODY_PAID = _kind("everybody_paid", N_("{group}: nobody owes anything."))
WHO = _kind("who", N_("{group}, not paid yet:\n{lines}"))
WHO_LINE = _kind("who_line", N_("{number}. {name}: {amount}"))
WHO_CLAIMS = _kind(
    "who_claims",
    NN_("{count} says to have paid and waits for an answer.", "{count} say to have paid and wait for an answer."),
)
AND_MORE = _kind("and_more", N_("and {count} more"))

# --- Seeing --------------------------------------------------------------------------------------------------

STATUS = _kind("status", N_("{group}: {due}\n{lots}"))
STATUS_FORMING = _kind(
    "status_forming", N_("{group} (code {code}): {taken} of {lots} lots are taken. It has not begun.")
)
STATUS_OWES = _kind("status_owes", N_("you owe {amount}, due {due}."))
STATUS_LATE = _kind("status_late", N_("you owe {amount}, late since {due}."))
STATUS_PAID = _kind("status_paid", N_("you have paid everything. Next due {due}."))
STATUS_ALL_PAID = _kind("status_all_paid", N_("you have paid everything."))
STATUS_ADVANCE = _kind("status_advance", N_("{amount} is paid in advance."))
STATUS_LOT = _kind("status_lot", N_("Lot {lot} ({share}): not drawn yet."))
STATUS_LOT_DRAWN = _kind(
    "status_lot_drawn", N_("Lot {lot} ({share}): drawn in round {round}, {paid} of {amount} paid out.")
)
STATUS_CLAIM = _kind("status_claim", N_("Waiting for an officer: {amount} (no. {code})."))
STATUS_HOLDS = _kind("status_holds", N_("You hold {amount} for the group."))
ROUND = _kind(
    "round", N_("{group}, round {round} of {rounds}: {collected} of {pot} collected, due {due}, lots are drawn {draw}.")
)
ROUND_DRAWN = _kind(
    "round_drawn", N_("{group}, round {round} of {rounds}: {collected} of {pot} collected. Drawn: lot {lots}.")
)
HISTORY = _kind("history", N_("{group}, your last payments:\n{lines}"))
HISTORY_NONE = _kind("history_none", N_("{group}: you have paid nothing yet."))
HISTORY_LINE = _kind("history_line", N_("{on} {amount} {state} {code}"))
CLAIMED_WORD = _kind("claimed_word", N_("said"))
RECORDED_WORD = _kind("recorded_word", N_("recorded"))
VERIFIED_WORD = _kind("verified_word", N_("confirmed"))
REVERSED_WORD = _kind("reversed_word", N_("taken back"))
DECLINED_WORD = _kind("declined_word", N_("not arrived"))
RECEIVED_LINE = _kind("received_line", N_("{on} {amount} received, lot {lot}"))
RULES = _kind(
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
MEMBERS = _kind("members", NN_("{group}, {count} member:\n{lines}", "{group}, {count} members:\n{lines}"))
MEMBER_LINE = _kind("member_line", N_("{number}. {name}: {share}"))
MEMBER_LINE_OFFICE = _kind("member_line_office", N_("{number}. {name} ({office}): {share}"))
ORGANISER = _kind("organiser", N_("organiser"))
SECRETARY = _kind("secretary", N_("secretary"))
COLLECTOR = _kind("collector", N_("collector"))
ONE_LOT = _kind("one_lot", NN_("{count} lot", "{count} lots"))
PART_OF_LOT = _kind("part_of_lot", N_("{share} lot"))
NO_LOT = _kind("no_lot", N_("no lot"))

# --- Draws and payouts ---------------------------------------------------------------------------------------

LIST_FROZEN = _kind(
    "list_frozen",
    N_(
        "{group}, round {round}: the list for the draw of {draw} is fixed. Lots in it: {count}. "
        "List code {code}, beacon round {beacon}."
    ),
    N_("{group} round {round}: draw {draw}, lots in it: {count}. List {code}, beacon {beacon}."),
)
LEFT_OUT = _kind(
    "left_out",
    N_(
        "{group}, round {round}: your lot {lots} is not in the draw of {draw}, because something is still owed for "
        "it. It stays for later ones. Lots in it: {count}. List code {code}, beacon round {beacon}."
    ),
    N_(
        "{group} round {round}: your lot {lots} is left out of this draw, dues are owed. It stays for later "
        "ones. List {code}."
    ),
)
NOBODY_ELIGIBLE = _kind(
    "nobody_eligible",
    N_("{group}, round {round}: no lot has paid everything, so none can be drawn now. The draw is tried again later."),
)
DRAW_HELD = _kind("draw_held", N_("{group}, round {round}:\n{lots}\n{next}"))
DRAWN_LOT = _kind("drawn_lot", N_("Lot {lot} came up: {names}. To check: VERIFY {code}"))
YOUR_LOT = _kind(
    "your_lot",
    N_(
        "Congratulations! Your lot {lot} came up in {group}, round {round}. The pot is {pot} when all have "
        "paid. To check: VERIFY {code}\n{next}"
    ),
    N_("Congratulations! Your lot {lot} came up in {group}, round {round}. Pot {pot}. VERIFY {code}\n{next}"),
)
NEXT_DUE = _kind("next_due", N_("Round {round} is due {due}."))
LAST_ROUND = _kind("last_round", N_("That was the last round."))
POT_TO_PAY = _kind(
    "pot_to_pay",
    N_("{group}, round {round}: {amount} is to be paid out. When you have paid somebody: PAYOUT and the member."),
)
VERIFIED = _kind(
    "verified",
    NN_(
        "{code}: lot {lot} was drawn from {count} lot (list {list}) with beacon round {beacon}, link {link}. "
        "All {checks} checks hold. See for yourself: {url}",
        "{code}: lot {lot} was drawn from {count} lots (list {list}) with beacon round {beacon}, link {link}. "
        "All {checks} checks hold. See for yourself: {url}",
    ),
    N_("{code}: lot {lot} of {count}, list {list}, beacon {beacon}. All {checks} checks hold. {url}"),
)
VERIFY_FAILED = _kind(
    "verify_failed",
    N_("{code}: this draw does NOT check, {count} of {checks} checks fail. Tell the other members. {url}"),
)
WHOM_TO_PAY = _kind("whom_to_pay", N_("Whom did you pay?"))
PAYABLE_LABEL = _kind("payable_label", N_("{name}: {amount} (round {round}, lot {lot})"))
SURE_PAYOUT = _kind(
    "sure_payout", N_("{amount} to {name} (no. {number}) for lot {lot}, round {round} of {group}. Did you pay it?")
)
SURE_PAYOUT_PART = _kind(
    "sure_payout_part",
    N_(
        "The pot of round {round} holds {amount} of {whole} for {name} (no. {number}, lot {lot}) now. Did "
        "you pay {amount}?"
    ),
)
PAID_OUT = _kind(
    "paid_out",
    N_("Recorded: {amount} paid to {name}, round {round} of {group}. {name} is asked to confirm. 0: take back."),
)
DID_YOU_GET = _kind(
    "did_you_get", N_("{group}: {amount} of the pot of round {round} was paid to you, says {payer}. Did you get it?")
)
GOT_IT = _kind("got_it", N_("Thank you. {amount} from {group} is confirmed."))
DID_NOT_GET = _kind("did_not_get", N_("Noted: {amount} from {group} did not reach you. The officers are told."))
LEG_DENIED = _kind(
    "leg_denied", N_("{group}: {name} says {amount} of the pot did not arrive. The payment in the book was taken back.")
)
LEG_CONFIRMED = _kind("leg_confirmed", N_("{group}: {name} confirmed {amount}."))
CYCLE_CLOSED = _kind(
    "cycle_closed",
    N_("{group}: cycle {cycle} is complete. Paid in {paid_in}, paid out {paid_out}. BEGIN starts the next one."),
)
YES = _kind("yes", N_("Yes"))
NO = _kind("no", N_("No"))

# --- What each word does: HELP and the word ------------------------------------------------------------------

ABOUT_START = _kind("about_start", N_("Greets you, and lets messages come again after STOP."))
ABOUT_HELP = _kind("about_help", N_("Shows all words. HELP PAY: about one of them."))
ABOUT_LANG = _kind("about_lang", N_("Changes the language: LANG am, LANG en."))
ABOUT_STOP = _kind("about_stop", N_("Ends all messages to this phone or account. Your savings stay as they are."))
ABOUT_NAME = _kind("about_name", N_("Changes your name here: NAME Abebe Kebede."))
ABOUT_UNDO = _kind(
    "about_undo", N_("Takes back what you just did, within 15 minutes, or leaves a question. 0 does the same.")
)
ABOUT_NEW = _kind("about_new", N_("Founds an equb: NEW Merkato 1000 12 weekly is 12 lots of 1000 every week."))
ABOUT_JOIN = _kind(
    "about_join", N_("Joins an equb: JOIN and its code, and a share if it is not one lot: JOIN K7M2Q4 1/2.")
)
ABOUT_LEAVE = _kind("about_leave", N_("Leaves an equb that has not begun."))
ABOUT_INVITE = _kind("about_invite", N_("Shows how others join; INVITE 0911223344 sends one invitation."))
ABOUT_BEGIN = _kind("about_begin", N_("Fixes members, lots and rules, and starts round 1."))
ABOUT_PAY = _kind("about_pay", N_("Says that you have paid: PAY 1000. An officer confirms it."))
ABOUT_CASH = _kind("about_cash", N_("An officer records money: CASH 7 1000 is 1000 from member 7."))
ABOUT_WHO = _kind("about_who", N_("Shows officers who has not paid yet."))
ABOUT_PAYOUT = _kind("about_payout", N_("An officer records that a member got the pot: PAYOUT 7."))
ABOUT_STATUS = _kind("about_status", N_("Shows what is due and when, what you have paid, and your lots."))
ABOUT_ROUND = _kind("about_round", N_("Shows the present round: what has come in, when it is due and drawn."))
ABOUT_HISTORY = _kind("about_history", N_("Shows your last payments."))
ABOUT_RULES = _kind("about_rules", N_("Shows the rules of the equb."))
ABOUT_MEMBERS = _kind("about_members", N_("Shows who is in the equb."))
ABOUT_VERIFY = _kind("about_verify", N_("Checks a draw: VERIFY and the code of the announcement."))
ABOUT_LINK = _kind("about_link", N_("Makes your phone and your Telegram account one person."))

# --- Refusals: a rule's code becomes a sentence here and nowhere else -----------------------------------------

_REFUSALS: dict[str, Kind] = {}


def _refusal(code: str, text: str) -> Kind:
    kind = _REFUSALS[code] = _kind(f"refused.{code}", text)
    return kind


_refusal(
    "amount.not_understood", N_('I did not understand the amount "{typed}". Write it in digits, for example 1000.')
)
_refusal("amount.not_positive", N_("The amount must be more than nothing."))
_refusal("amount.too_large", N_("That amount is too large."))
_refusal("amount.too_fine", N_("That amount has more digits after the point than the currency."))
_refusal("phone.not_understood", N_('I did not understand the phone number "{typed}".'))
_refusal("name.not_understood", N_("I need a name with letters."))
_refusal("name.too_long", N_("A name has at most {most} letters."))
_refusal("group.name_not_understood", N_("The equb needs a name with letters or digits."))
_refusal("group.name_too_long", N_("An equb's name has at most {most} letters."))
_refusal("group.unknown_code", N_('There is no equb with the code "{typed}".'))
_refusal("group.unknown_name", N_('You are in no equb called "{typed}".'))
_refusal("group.unknown", N_("There is no such equb."))
_refusal("group.not_forming", N_("{group} has begun already: nobody can join or change lots until the cycle ends."))
_refusal(
    "group.between_cycles", N_("{group} has finished a cycle. The organiser opens the next one to others with INVITE.")
)
_refusal("member.ambiguous", N_('Several members are called "{typed}": {who}. Write the number.'))
_refusal("group.not_running", N_("{group} has not begun yet."))
_refusal("group.full", N_("{group} is full."))
_refusal("share.not_understood", N_('I did not understand the share "{typed}". Write for example 1, 2, 1/2 or 3/10.'))
_refusal("share.out_of_range", N_("A share is from 0 to 100 lots."))
_refusal("share.too_fine", N_("A share is not finer than 1/{finest}."))
_refusal("lots.not_understood", N_('I did not understand "{typed}". How many lots, from 2 to 600?'))
_refusal(
    "rhythm.not_understood",
    N_('I did not understand "{typed}". Every day, every week, every month, or every how many days?'),
)
_refusal("language.not_understood", N_('I do not know the language "{typed}".'))
_refusal("group.none", N_("You are in no equb yet. JOIN and a code: join one. NEW: found one."))
_refusal("person.unknown_yet", N_("I do not know you yet. JOIN and a code: join an equb. NEW: found one."))
_refusal("words.left_over", N_('I did not understand "{typed}" after {word}. Nothing was done. HELP {word} shows how.'))
_refusal("answer.not_understood", N_('I did not understand "{typed}". Please answer again, or 0 to stop.'))
_refusal("answer.yes_or_no", N_("Please answer 1 for yes or 2 for no."))
_refusal(
    "rules.does_not_add_up",
    N_(
        "That does not add up: {lots} lots of {contribution} make a pot of {pot}, not {said}. A pot of "
        "{said} needs {fitting_lots} lots. Please write it again."
    ),
)
_refusal(
    "rules.does_not_add_up.never",
    N_(
        "That does not add up: {lots} lots of {contribution} make a pot of {pot}, and no number of lots "
        "makes {said}. Please write it again."
    ),
)
_refusal("rules.uneven", N_("{lots} lots cannot be drawn {drawn} at a time without a rest; {offered} at a time can."))
_refusal("rules.too_long", N_("A cycle has at most {most} rounds."))
_refusal("rules.fee_eats_pot", N_("The fee leaves nothing of the pot of {pot}."))
_refusal("rules.fewer_lots_than_taken", N_("{taken} lots are taken already."))
_refusal(
    "cycle.lot_not_full",
    N_("Lot {lot} is not full: {free} of it is free. Somebody must take the rest before the equb can begin."),
)
_refusal("cycle.too_few_lots", N_("{group} needs at least two lots to begin."))
_refusal("member.unknown", N_("There is no such member."))
_refusal("member.not_found", N_('There is no member "{typed}" in {group}. MEMBERS shows all.'))
_refusal("member.organiser_stays", N_("The organiser cannot leave {group} without handing over."))
_refusal("member.not_in", N_("You are not in that equb."))
_refusal("rights.office", N_("Only the officers of the equb may do that."))
_refusal("payment.unknown_code", N_('There is no payment with the number "{typed}".'))
_refusal("payment.unknown", N_("There is no such payment."))
_refusal("payment.already_answered", N_("This has been answered already."))
_refusal("payment.already_reversed", N_("Receipt {code} has been taken back already."))
_refusal("payment.not_recorded", N_("Payment {code} is not recorded."))
_refusal("payout.unknown", N_("There is no such payout."))
_refusal("payout.nothing_to_pay", N_("{group}: nothing is to be paid out now."))
_refusal("payout.nothing_there", N_("The pot of round {round} holds nothing for this member now."))
_refusal("payout.not_approved", N_("A second person must approve this payout first."))
_refusal("payout.approver_pays", N_("Who approved a payout cannot pay it out."))
_refusal("payout.already_paid", N_("This has been paid already."))
_refusal("payout.already_approved", N_("This has been approved already."))
_refusal("payout.not_paid", N_("This has not been paid."))
_refusal("payout.already_received", N_("This has been confirmed already and cannot be taken back."))
_refusal("payout.not_a_holder", N_("{name} holds no lot that was drawn and waits for money."))
_refusal("draw.unknown_code", N_('There is no draw with the code "{typed}".'))
_refusal("ledger.not_enough", N_("That money has left the pot already. First correct the payout."))
_refusal("undo.too_late", N_("It is too late to take that back. Please talk to the officers."))
_refusal("link.unknown_code", N_("This code is not valid, or no longer."))
_refusal("link.both_known", N_("That number already belongs to another person here. Please talk to your organiser."))
_refusal("link.on_telegram", N_("Write this code to our Telegram bot, not by SMS."))
_refusal("invite.too_many", N_("You have invited many people today. Please try again tomorrow."))
_refusal("invite.known", N_("{phone} knows of {group} already."))

OTHER_REFUSAL = _kind("refused", N_("That is not possible."))


def refusal(code: str, facts: dict[str, Any]) -> Message:
    """The sentence for a Refusal."""
    if code == "rules.does_not_add_up" and not facts.get("fits", True):
        code = "rules.does_not_add_up.never"
    kind = _REFUSALS.get(code, OTHER_REFUSAL)
    return Message(kind, facts)


for _other in (messages.BIRR, *messages.MONTHS, *messages.PARTS.values()):
    KINDS[_other.name] = _other
