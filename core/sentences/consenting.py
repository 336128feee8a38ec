"""Sentences of agreeing to be kept and written to. What begins with ``consent`` asks for it, and is kept as shown."""

from core.messages import N_
from core.sentences.making import kind, refusal

CONSENT_ENTERED = kind(
    "consent_entered",
    N_(
        "{name} has entered you in the equb {group} as member {number}. Equb keeps your name, number and payments for "
        "it and shows your name to its members. Do you agree, and may Equb write to you? If you never want to hear "
        "from us, send STOP."
    ),
    N_(
        "{name} entered you in the equb {group}. We keep your name, number and payments. Agree to this and to our "
        "messages? STOP: never again."
    ),
)
CONSENT_ASKED = kind(
    "consent_asked",
    N_(
        "You were entered in {groups}. Equb keeps your name, number and payments for it and shows your name to the "
        "members. Do you agree, and may Equb write to you?"
    ),
    N_("You were entered in {groups}. We keep your name, number and payments. Agree to this and to our messages?"),
)
AGREED_TO_BE_TOLD = kind(
    "agreed_to_be_told",
    N_("Thank you, {name}. From now on you hear from {groups}. STATUS: how things stand. STOP: no more messages."),
)
NOT_AGREED = kind(
    "not_agreed",
    N_("Noted. We do not write to you; the officers of {groups} speak for you. If you change your mind, send YES."),
)
SILENT_MEMBERS = kind("silent_members", N_("Get no messages, have not agreed yet: {who}"))

DID_THEY_GET = kind(
    "did_they_get",
    N_(
        "{group}: {payer} says {amount} of the pot of round {round} was paid out for {name}, who gets no messages. "
        "Have you seen that {name} has got it?"
    ),
)
LEG_SEEN = kind("leg_seen", N_("{group}: {name} confirms the payout of {amount} to {to}."))
PAID_OUT_SILENT = kind(
    "paid_out_silent",
    N_(
        "Recorded: {amount} paid out for {name}, round {round} of {group}. {name} gets no messages: another officer "
        "may confirm it. 0: take back."
    ),
)

refusal("invite.refused", N_("{phone} wants no messages from Equb. Talk to them yourself."))
refusal("invite.too_soon", N_("{phone} was asked something a few days ago. Please try again after {due}."))
refusal("proposal.unreached", N_("{name} has not agreed to get messages, and cannot be asked."))
