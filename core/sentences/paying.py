"""Sentences of paying in."""

from core.messages import N_, NN_
from core.sentences.making import kind

ASK_AMOUNT = kind("ask_amount", N_("How much? You owe {amount} in {group}."))
ASK_AMOUNT_FREE = kind("ask_amount_free", N_("How much? You owe nothing in {group} now."))
ASK_MEMBER = kind("ask_member", N_("Which member? Number or name."))
ASK_MEMBER_AMONG = kind("ask_member_among", N_("Which one?"))
MEMBER_LABEL = kind("member_label", N_("{number}. {name}"))
ASK_AMOUNT_OF = kind("ask_amount_of", N_("How much did {name} pay? {name} owes {amount}."))
SURE_CASH = kind("sure_cash", N_("{amount} from {name} (no. {number}) in {group}, who owes {owed}. Record it?"))
CLAIMED = kind(
    "claimed", N_("Noted: you say you paid {amount} to {group}. It counts when an officer confirms it. No. {code}.")
)
CLAIM_TO_OFFICER = kind("claim_to_officer", N_("{name} (no. {number}) says: paid {amount} to {group}. Did you get it?"))
CLAIM_CONFIRMED = kind(
    "claim_confirmed", N_("Recorded: {amount} from {name} in {group}. Receipt {code}. 0: take back.")
)
CLAIM_REFUSED = kind("claim_refused", N_("All right: {amount} from {name} is not recorded, and {name} hears of it."))
CLAIM_DECLINED = kind(
    "claim_declined", N_("{group}: the officers say your {amount} (no. {code}) did not arrive. Please talk to them.")
)
RECORDED = kind(
    "recorded", N_("Recorded: {amount} from {name} (no. {number}) in {group}. Receipt {code}. 0: take back.")
)
RECEIPT = kind("receipt", N_("{group}: received {amount} from you for round {rounds}. Receipt {code}."))
RECEIPT_AND_ADVANCE = kind(
    "receipt_and_advance",
    N_("{group}: received {amount} from you for round {rounds}, {advance} of it in advance. Receipt {code}."),
)
RECEIPT_ADVANCE = kind("receipt_advance", N_("{group}: received {amount} from you in advance. Receipt {code}."))
PAYMENT_REVERSED = kind(
    "payment_reversed", N_("{group}: {amount} of {name} (receipt {code}) was taken back. Reason: {reason}")
)
PAYMENT_UNDONE = kind("payment_undone", N_("{group}: {amount} of {name} (receipt {code}) was taken back at once."))
UNDONE_PAYMENT = kind("undone_payment", N_("Taken back: {amount} of {name}, receipt {code}."))
UNDONE_CLAIM = kind("undone_claim", N_("Taken back: your note that you paid {amount}."))
UNDONE_PAYOUT = kind("undone_payout", N_("Taken back: the payout of {amount} to {name}."))
UNDONE_JOIN = kind("undone_join", N_("Taken back: you are no longer in {group}."))
REMINDER = kind("reminder", N_("{group}: {amount} is due {due} (round {round}). To say you paid: PAY."))
EVERYBODY_PAID = kind("everybody_paid", N_("{group}: nobody owes anything."))
WHO = kind("who", N_("{group}, not paid yet:\n{lines}"))
WHO_LINE = kind("who_line", N_("{number}. {name}: {amount}"))
WHO_CLAIMS = kind(
    "who_claims",
    NN_("{count} says to have paid and waits for an answer.", "{count} say to have paid and wait for an answer."),
)
AND_MORE = kind("and_more", N_("and {count} more"))
