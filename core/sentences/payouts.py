"""Sentences of draws and payouts."""

from core.messages import N_, NN_
from core.sentences.making import kind

LIST_FROZEN = kind(
    "list_frozen",
    N_(
        "{group}, round {round}: the list for the draw of {draw} is fixed. Lots in it: {count}. "
        "List code {code}, beacon round {beacon}."
    ),
    N_("{group} round {round}: draw {draw}, lots in it: {count}. List {code}, beacon {beacon}."),
)
LEFT_OUT = kind(
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
LEFT_OUT_GUARANTOR = kind(
    "left_out_guarantor",
    N_(
        "{group}, round {round}: your lot {lots} is not in the draw of {draw}, because you have no guarantor yet. It "
        "stays for later ones. Ask a member to send GUARANTEE and your number. List code {code}."
    ),
    N_("{group} round {round}: lot {lots} is left out, you need a guarantor: one who sends GUARANTEE. List {code}."),
)
LEFT_OUT_OLD_DEBT = kind(
    "left_out_old_debt",
    N_(
        "{group}, round {round}: your lot {lots} is not in the draw of {draw}, because something of an earlier cycle "
        "is still owed by who holds it. It stays for later ones. List code {code}."
    ),
    N_("{group} round {round}: your lot {lots} is left out, a debt of an earlier cycle is not paid. List {code}."),
)
LEFT_OUT_SUSPENDED = kind(
    "left_out_suspended",
    N_("{group}, round {round}: your lot {lots} is not in this draw, because you are suspended. List code {code}."),
)
NOBODY_ELIGIBLE = kind(
    "nobody_eligible",
    N_("{group}, round {round}: no lot has paid everything, so none can be drawn now. The draw is tried again later."),
)
DRAW_WAITS = kind(
    "draw_waits",
    N_(
        "{group}, round {round}: the public number of the draw has not come. The list stays as it is and the draw "
        "waits. After {due} the officers may draw paper lots before witnesses."
    ),
    N_("{group}, round {round}: the draw waits for its public number. After {due} officers may draw paper lots."),
)
DRAW_HELD = kind("draw_held", N_("{group}, round {round}:\n{lots}\n{next}"))
DRAWN_LOT = kind("drawn_lot", N_("Lot {lot} came up: {names}. To check: VERIFY {code}"))
YOUR_LOT = kind(
    "your_lot",
    N_(
        "Congratulations! Your lot {lot} came up in {group}, round {round}. The pot is {pot} when all have "
        "paid. To check: VERIFY {code}\n{next}"
    ),
    N_("Congratulations! Your lot {lot} came up in {group}, round {round}. Pot {pot}. VERIFY {code}\n{next}"),
)
NEXT_DUE = kind("next_due", N_("Round {round} is due {due}."))
LAST_ROUND = kind("last_round", N_("That was the last round."))
POT_TO_PAY = kind(
    "pot_to_pay",
    N_("{group}, round {round}: {amount} is to be paid out. When you have paid somebody: PAYOUT and the member."),
)
VERIFIED = kind(
    "verified",
    NN_(
        "{code}: lot {lot} was drawn from {count} lot (list {list}) with beacon round {beacon}, link {link}. "
        "All {checks} checks hold. See for yourself: {url}",
        "{code}: lot {lot} was drawn from {count} lots (list {list}) with beacon round {beacon}, link {link}. "
        "All {checks} checks hold. See for yourself: {url}",
    ),
    N_("{code}: lot {lot} of {count}, list {list}, beacon {beacon}. All {checks} checks hold. {url}"),
)
VERIFY_FAILED = kind(
    "verify_failed",
    N_("{code}: this draw does NOT check, {count} of {checks} checks fail. Tell the other members. {url}"),
)
VERIFIED_PAPER = kind(
    "verified_paper",
    N_(
        "{code}: lot {lot} came up in round {round}, {on}. This is from the paper book, entered {entered}: it was not "
        "computed here and cannot be checked. {url}"
    ),
    N_("{code}: lot {lot}, round {round}, {on}, from the paper book: not computed, cannot be checked. {url}"),
)
WHOM_TO_PAY = kind("whom_to_pay", N_("Whom did you pay?"))
PAYABLE_LABEL = kind("payable_label", N_("{name}: {amount} (round {round}, lot {lot})"))
SURE_PAYOUT = kind(
    "sure_payout", N_("{amount} to {name} (no. {number}) for lot {lot}, round {round} of {group}. Did you pay it?")
)
SURE_PAYOUT_PART = kind(
    "sure_payout_part",
    N_(
        "The pot of round {round} holds {amount} of {whole} for {name} (no. {number}, lot {lot}) now. Did "
        "you pay {amount}?"
    ),
)
PAID_OUT = kind(
    "paid_out",
    N_("Recorded: {amount} paid to {name}, round {round} of {group}. {name} is asked to confirm. 0: take back."),
)
DID_YOU_GET = kind(
    "did_you_get", N_("{group}: {amount} of the pot of round {round} was paid to you, says {payer}. Did you get it?")
)
GOT_IT = kind("got_it", N_("Thank you. {amount} from {group} is confirmed."))
DID_NOT_GET = kind("did_not_get", N_("Noted: {amount} from {group} did not reach you. The officers are told."))
LEG_DENIED = kind(
    "leg_denied", N_("{group}: {name} says {amount} of the pot did not arrive. The payment in the book was taken back.")
)
LEG_CONFIRMED = kind("leg_confirmed", N_("{group}: {name} confirmed {amount}."))
CYCLE_CLOSED = kind(
    "cycle_closed",
    N_("{group}: cycle {cycle} is complete. Paid in {paid_in}, paid out {paid_out}. BEGIN starts the next one."),
)
YES = kind("yes", N_("Yes"))
NO = kind("no", N_("No"))
