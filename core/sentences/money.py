"""Sentences of money in its further forms: fees apart, fines, deductions and funds, netting, loans, pots in kind."""

from core.messages import N_, NN_, Message
from core.sentences.making import kind, refusal

ABOUT_FINE = kind("about_fine", N_("An officer fines a member: FINE 7 50 came late. UNDO takes it back."))
ABOUT_LOAN = kind("about_loan", N_("An officer lends of the pot that waits: LOAN 7 300 3 is 300, repaid in 3 parts."))
ABOUT_SPEND = kind(
    "about_spend", N_("An officer spends of a fund: SPEND, its name, how much, what for. Others must agree.")
)

FINED = kind("fined", N_("{group}: a fine of {amount}, because round {round} was not paid in time."))
ASK_FINE = kind("ask_fine", N_("How much is the fine?"))
FINE_RECORDED = kind("fine_recorded", N_("{name} is fined {amount} in {group} and hears of it. 0: take back."))
FINE_IMPOSED = kind("fine_imposed", N_("{group}: the officers fined you {amount}. Reason: {reason}"))
FINE_EXCUSED = kind("fine_excused", N_("{group}: the fine of {amount} was taken back. You do not owe it."))
UNDONE_FINE = kind("undone_fine", N_("Taken back: the fine of {amount} for {name}."))
refusal("fine.no_lot", N_("Only who holds a lot in an equb that has begun can be fined."))
refusal("fine.unknown", N_("There is no such fine."))

CONTRIBUTION_WORD = kind("contribution_word", N_("contribution"))
FEE_WORD = kind("fee_word", N_("organiser's fee"))
FINE_WORD = kind("fine_word", N_("fine"))
LOAN_WORD = kind("loan_word", N_("loan"))
OTHER_WORD = kind("other_word", N_("other"))
OF_IT = kind("of_it", N_("{first} Of it {due_kind}: {amount}."))
LINE_OF_IT = kind("line_of_it", N_("{first}, of it {due_kind} {amount}"))

_WORDS = {"contribution": CONTRIBUTION_WORD, "fee": FEE_WORD, "fine": FINE_WORD, "loan": LOAN_WORD}


def due_word(due_kind: str) -> Message:
    """What a kind of due is called."""
    return _WORDS.get(due_kind, OTHER_WORD)()


NETTED = kind("netted", N_("{group}: {amount} that you owed for this round was set off against your pot."))
KEEP_DEBT = kind(
    "keep_debt",
    N_(
        "{group}: you are to receive money, and owe {amount} from before. Shall that be kept of it? Nothing is, if not."
    ),
)
DEBT_KEPT = kind("debt_kept", N_("{group}: {amount} of your pot was kept for what you owed."))
KEPT_NOTHING = kind(
    "kept_nothing", N_("{group}: nothing is kept, you receive all of the pot. You still owe what you owed.")
)
NOTHING_TO_KEEP = kind("nothing_to_keep", N_("{group}: there is nothing to keep now."))
SURE_PAYOUT_OWES = kind("sure_payout_owes", N_("{name} owes {owed} from before and may say that it be kept. {asked}"))

POT_WAITS = kind(
    "pot_waits", N_("{group}, round {round}: this equb waits until the pot is whole. {amount} is still missing.")
)
refusal(
    "payout.waits",
    N_("The pot of round {round} is not full yet: {amount} is missing. This equb pays a pot only when it is whole."),
)

ASK_LOAN = kind("ask_loan", N_("How much is lent?"))
ASK_PARTS = kind("ask_parts", N_("In how many parts is it repaid, one with each round? At most {most}."))
SURE_LOAN = kind(
    "sure_loan",
    NN_(
        "{amount} to {name} out of the pot of round {round} of {group}, repaid in {count} part. Ask its holders?",
        "{amount} to {name} out of the pot of round {round} of {group}, repaid in {count} parts. Ask its holders?",
    ),
)
LOAN_QUESTION = kind(
    "loan_question",
    NN_(
        "{group}: {name} wants to borrow {amount} of your pot of round {round}, repaid to you in {count} part with "
        "the next round. Do you agree?",
        "{group}: {name} wants to borrow {amount} of your pot of round {round}, repaid to you in {count} parts with "
        "the next rounds. Do you agree?",
    ),
)
LOAN_WHAT = kind("loan_what", N_("a loan of {amount} to {name}"))
LOAN_ASKED = kind("loan_asked", N_("{group}: the holders of the pot are asked about {amount} for {name}."))
LOAN_GIVEN = kind("loan_given", N_("{group}: {amount} is lent to {name}."))
LOAN_HAND_OVER = kind(
    "loan_hand_over",
    NN_(
        "{group}: hand {amount} of the pot of round {round} to {name} as a loan. It is repaid in {count} part.",
        "{group}: hand {amount} of the pot of round {round} to {name} as a loan. It is repaid in {count} parts.",
    ),
)
LOAN_YOURS = kind(
    "loan_yours",
    NN_(
        "{group}: {amount} is lent to you, repaid in {count} part with the next round.",
        "{group}: {amount} is lent to you, repaid in {count} parts with the next rounds.",
    ),
)
refusal("loan.none", N_("{group} lends nothing of its pots."))
refusal("loan.no_pot", N_("There is no pot now of which something could be lent and repaid before the cycle ends."))
refusal("loan.too_much", N_("At most {amount} of the pot that waits can be lent now."))
refusal("loan.parts", N_("A loan is repaid before the cycle ends: in 1 to {most} parts now."))
refusal("loan.own_pot", N_("That is this member's own pot; it needs no loan."))
refusal("loan.no_lot", N_("Only who holds a lot can borrow."))

ABOUT_UNLOAN = kind(
    "about_unloan",
    N_("An officer takes back a loan of which nothing is repaid: UNLOAN 7 and the reason. They must agree."),
)
SURE_LOAN_BACK = kind(
    "sure_loan_back", N_("The loan of {amount} to {name} in {group} would be taken back: {reason}. Ask who must agree?")
)
LOAN_BACK_ASKED = kind("loan_back_asked", N_("{group}: it is asked. The loan is taken back when they agree."))
LOAN_BACK_QUESTION = kind(
    "loan_back_question",
    N_("{group}: {name} wants to take back the loan of {amount} to {to}: {reason}. The money is back. Do you agree?"),
)
LOAN_BACK_WHAT = kind("loan_back_what", N_("taking back the loan of {amount} to {name}"))
LOAN_TAKEN_BACK = kind(
    "loan_taken_back", N_("{group}: the loan of {amount} to {name} was taken back and is not owed. Reason: {reason}")
)
refusal("loan.unknown", N_("There is no such loan."))
refusal("loan.taken_back", N_("This loan was taken back already."))
refusal("loan.repaid", N_("Something of this loan is repaid already; it cannot be taken back."))

ABOUT_UNSPEND = kind(
    "about_unspend",
    N_("An officer takes back what was last spent of a fund: UNSPEND, its name and the reason. Others must agree."),
)
SURE_SPEND_BACK = kind(
    "sure_spend_back",
    N_("{amount} of the fund {fund} of {group}, spent for: {said}, would go back: {reason}. Ask the others?"),
)
SPEND_BACK_ASKED = kind("spend_back_asked", N_("{group}: the others are asked. It goes back when they agree."))
SPEND_BACK_QUESTION = kind(
    "spend_back_question",
    N_(
        "{group}: {name} wants to put back {amount} of the fund {fund}, spent for: {said}. Reason: {reason}. "
        "Do you agree?"
    ),
)
SPEND_BACK_WHAT = kind("spend_back_what", N_("putting back what was spent"))
SPEND_TAKEN_BACK = kind(
    "spend_taken_back",
    N_("{group}: {amount} of the fund {fund}, spent for: {said}, was put back. Reason: {reason}"),
)
refusal("spend.unknown", N_("There is no such spending."))
refusal("payout.supplier_needed", N_("The pot is a thing: say to whom the money went."))
refusal("payout.no_thing", N_("The pot is money: it goes to its holder, to no supplier."))

WHICH_FUND = kind("which_fund", N_("Which fund?"))
FUND_LABEL = kind("fund_label", N_("{fund}: {amount}"))
ASK_SPEND = kind("ask_spend", N_("How much is spent?"))
ASK_WHAT_FOR = kind("ask_what_for", N_("What for?"))
SURE_SPEND = kind("sure_spend", N_("{amount} of the fund {fund} of {group} for: {reason}. Ask the others?"))
SPEND_ASKED = kind("spend_asked", N_("{group}: the others are asked about {amount} of the fund {fund}."))
SPEND_QUESTION = kind(
    "spend_question", N_("{group}: {name} wants to spend {amount} of the fund {fund} for: {reason}. Do you agree?")
)
SPEND_WHAT = kind("spend_what", N_("{amount} of the fund {fund} for: {reason}"))
SPENT = kind("spent", N_("{group}: {amount} of the fund {fund} was spent for: {reason}. {left} is left."))
SHARE_OUT = kind(
    "share_out",
    N_("{group}: {amount} was kept for the members and is theirs now. PAYOUT and the member, then the cycle closes."),
)
refusal("fund.unknown", N_('There is no fund called "{typed}".'))
refusal("fund.none", N_("{group} has no fund."))
refusal("fund.kept", N_("This is kept for the members and given back to them when the cycle ends."))
refusal("fund.not_enough", N_("The fund holds {amount}."))

ASK_SUPPLIER = kind("ask_supplier", N_("From whom was the {thing} bought?"))
SURE_THING = kind(
    "sure_thing", N_("{amount} to {supplier} for the {thing} of {name} (no. {number}), round {round}. Did you pay it?")
)
DID_YOU_GET_THING = kind(
    "did_you_get_thing",
    N_(
        "{group}, round {round}: {supplier} got {amount} for your {thing}, says {payer}. Was the {thing} handed to you?"
    ),
)
WHOSE_THING = kind("whose_thing", N_("For whom was the {thing} bought?"))
PAID_OUT_THING = kind(
    "paid_out_thing",
    N_(
        "Recorded: {amount} paid to {supplier} for the {thing} of {name}, round {round}. {name} is asked. 0: take back."
    ),
)
GOT_THING = kind("got_thing", N_("Thank you. That you have the {thing} from {group} is confirmed."))
DID_NOT_GET_THING = kind(
    "did_not_get_thing", N_("Noted: the {thing} from {group} was not handed to you. The officers are told.")
)
THING_DENIED = kind(
    "thing_denied", N_("{group}: {name} says the {thing} was not handed over. The payment in the book was taken back.")
)
THING_CONFIRMED = kind("thing_confirmed", N_("{group}: {name} confirmed having the {thing}."))
THING_TO_BUY = kind(
    "thing_to_buy",
    N_("{group}, round {round}: {amount} is there for the {thing}. When it is bought and paid: PAYOUT and the member."),
)
YOUR_THING = kind(
    "your_thing", N_("{group}: your pot is a {thing}. The money goes to who sells it, you get the {thing}.")
)
