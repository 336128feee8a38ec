"""Sentences of members: excused, deferred, suspended."""

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
