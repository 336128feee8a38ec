"""Sentences of members: excused, deferred, suspended, answered for by others, owing when a cycle ends."""

from core.messages import N_
from core.sentences.making import kind, refusal

ASK_REASON = kind("ask_reason", N_("Why? The member will read it."))
EXCUSED = kind("excused", N_("{name} owes nothing for round {round} of {group}, and is told."))
EXCUSED_YOU = kind("excused_you", N_("{group}: you owe nothing for round {round}. Reason: {reason}"))
EXCUSED_YOU_ADVANCE = kind(
    "excused_you_advance",
    N_("{group}: you owe nothing for round {round}; the {amount} you paid stay yours, in advance. Reason: {reason}"),
)
DEFERRED = kind("deferred", N_("{amount} of {name} is not asked for before {due}. It stays owed."))
DEFERRED_YOU = kind(
    "deferred_you", N_("{group}: you have time for {amount} until {due}. It stays owed. Reason: {reason}")
)
SURE_SUSPEND = kind("sure_suspend", N_("Suspend {name} in {group}? Their lots stay out of all draws; they still owe."))
SURE_RESTORE = kind("sure_restore", N_("{name} is suspended in {group}. Lift it?"))
SUSPENDED = kind("suspended", N_("{name} is suspended in {group}, and is told."))
RESTORED = kind("restored", N_("{name} is no longer suspended in {group}, and is told."))
ASK_WHY_LIFT = kind("ask_why_lift", N_("{name} is suspended. To lift it write why; {name} will read it. NO: leave it."))
refusal("suspend.organiser", N_("The organiser of {group} cannot be suspended. SUCCESSOR names another organiser."))
SUSPENDED_YOU = kind(
    "suspended_you",
    N_("{group}: you are suspended. Your lots stay out of the draws; what you owe stays. Reason: {reason}"),
)
RESTORED_YOU = kind("restored_you", N_("{group}: you are no longer suspended. Reason: {reason}"))
WHO_DEFERRED = kind("who_deferred", N_("Not asked for now:\n{lines}"))
refusal("excuse.no_round", N_("{group} has no such round that is open."))
refusal("excuse.too_late", N_("The list of round {round} is fixed: nobody can be excused from it any more."))
refusal("excuse.nothing", N_("{name} owes nothing for round {round}."))
refusal("defer.past", N_("That day is over."))
refusal("defer.nothing", N_("{name} owes nothing."))
refusal("date.not_understood", N_('I did not understand the date "{typed}". Write it like 2026-12-24.'))
refusal("member.suspended", N_("{name} is suspended."))

ASK_GUARANTEE = kind(
    "ask_guarantee",
    N_("{group}: do you answer for {name}? If {name} has received and does not pay, you are asked to pay it."),
)
ASK_GUARANTEE_CIRCLE = kind(
    "ask_guarantee_circle",
    N_(
        "{group}: do you answer for {name}, and pay if {name} has received and does not? Note that {name} answers for "
        "you too: if both stop, nobody is left."
    ),
    N_("{group}: do you answer for {name}, who answers for you too? If {name} does not pay, you are asked to."),
)
WHAT_GUARANTEE = kind("what_guarantee", N_("{name} as guarantor of {of}"))
GUARANTEE_GIVEN = kind("guarantee_given", N_("Noted: you answer for {name} in {group}. 0: take back."))
GUARANTEE_STANDS = kind("guarantee_stands", N_("{group}: {name} is guarantor of {of} now."))
GUARANTEE_RELEASED = kind("guarantee_released", N_("{group}: you no longer answer for {name}."))
GUARANTEE_CALLED = kind(
    "guarantee_called",
    N_(
        "{group}: {name} has received and owes {amount} past the cut-off. You are the guarantor: please pay it. When "
        "you have paid: PAY {paid} FOR {number}"
    ),
    N_("{group}: {name}, for whom you answer, owes {amount}. Please pay it, then: PAY {paid} FOR {number}"),
)
UNDONE_GUARANTEE = kind("undone_guarantee", N_("Taken back: you answer for nobody new in {group}."))
refusal("guarantee.oneself", N_("Nobody can be guarantor for themselves."))
refusal("guarantee.stands", N_("That member is guarantor of {name} already."))
refusal("guarantee.may_not", N_("Who is suspended cannot answer for others."))
refusal("guarantee.needed", N_("That member has received already: the guarantor stays."))
refusal("guarantee.unknown", N_("There is no such guarantee."))
RECEIPT_FOR = kind("receipt_for", N_("{group}: received {amount} from you for {name}. Receipt {code}."))
RECEIPT_BROUGHT = kind("receipt_brought", N_("{group}: received {amount} for you, brought by {name}. Receipt {code}."))
CLAIM_FOR_TO_OFFICER = kind(
    "claim_for_to_officer", N_("{name} (no. {number}) says: paid {amount} to {group} for {of}. Did you get it?")
)

SURE_CLOSE = kind("sure_close", N_("{group}: {owed} is still owed and stays owed. Close the cycle all the same?"))
CLOSED = kind("closed", N_("{group}: the cycle is closed. {owed} stays owed; WHO shows by whom."))
CYCLE_CLOSED_OWING = kind(
    "cycle_closed_owing",
    N_("{group}: cycle {cycle} is closed. {owed} is still owed; whoever it belongs to gets it when it comes."),
)
STATUS_OLD_POT = kind(
    "status_old_pot", N_("From cycle {cycle}, lot {lot}: {amount} of your pot is still to come, as debts are paid.")
)
STATUS_OLD_DEBT = kind("status_old_debt", N_("From an earlier cycle you owe {amount}."))
refusal("close.not_running", N_("{group} has no cycle that could be closed."))
refusal("close.not_over", N_("{group} still has rounds to come."))
refusal("close.too_early", N_("Everybody has time until {due}. Then the cycle can be closed."))
refusal("close.pay_out", N_("{group} has money that is to be paid out first: PAYOUT."))
