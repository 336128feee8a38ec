"""Sentences of founding and joining."""

from core.messages import N_, NN_
from core.sentences.making import kind

ASK_GROUP_NAME = kind("ask_group_name", N_("What shall the equb be called?"))
ASK_GROUP_CODE = kind("ask_group_code", N_("Which equb? Write its code."))
AMOUNT = kind("amount", N_("{amount}"))
ASK_CONTRIBUTION = kind("ask_contribution", N_("How much does one lot pay each round?"))
ASK_LOTS = kind("ask_lots", N_("How many lots? Each pays every round and receives the pot once."))
ASK_RHYTHM = kind("ask_rhythm", N_("How often?"))
DAILY = kind("daily", N_("every day"))
WEEKLY = kind("weekly", N_("every week"))
MONTHLY = kind("monthly", N_("every month"))
EVERY_DAYS = kind("every_days", NN_("every day", "every {count} days"))
CONSENT_FOUND = kind(
    "consent_found",
    N_("Equb keeps your name and number for your savings group, and shows your name to its members. Do you agree?"),
)
CONSENT_JOIN = kind(
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
CONSENT_JOIN_RULES = kind(
    "consent_join_rules",
    N_(
        "{group}: {amount} {rhythm}, {lots} lots, {rounds} rounds, the pot is {pot}.\n{lines}\nA pot pays out what has "
        "come in: who pays late makes it smaller at first. Equb keeps your name and number and shows your name to the "
        "members. Do you accept these rules and join?"
    ),
    N_(
        "{group}: {amount} {rhythm}, {lots} lots, pot {pot} if all pay.\n{lines}\nWe keep your name and number; "
        "members see your name. Accept and join?"
    ),
)
FOUNDED = kind(
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
JOINED = kind(
    "joined",
    N_(
        "You are member {number} of {group} and hold {share} (lot {lots}). You pay {amount} {rhythm}. "
        "You hear from me when it begins."
    ),
    N_("You are member {number} of {group}, lot {lots}, share {share}. You pay {amount} {rhythm}."),
)
JOINED_WITHOUT = kind("joined_without", N_("You are member {number} of {group} and hold no lot."))
ALREADY_IN = kind("already_in", N_("You are in {group} already, as member {number}, with {share} (lot {lots})."))
SOMEBODY_JOINED = kind("somebody_joined", N_("{name} joined {group} with {share}. {taken} of {lots} lots are taken."))
ALL_IN = kind("all_in", N_("{group} is full: all {lots} lots are taken. BEGIN starts it."))
INVITE = kind(
    "invite",
    N_("To invite people to {group}: they send JOIN {code} to {number} by SMS, or open {link}"),
    N_("To invite to {group}: they send JOIN {code} to {number}"),
)
INVITE_NO_SMS = kind("invite_no_sms", N_("To invite people to {group}: they send me JOIN {code}, or open {link}"))
INVITE_NO_BOT = kind("invite_no_bot", N_("To invite people to {group}: they send JOIN {code} to {number} by SMS."))
INVITATION = kind(
    "invitation",
    N_(
        "{name} invites you to the equb {group}: {amount} {rhythm}. To join, answer JOIN {code}. To hear no more: STOP."
    ),
)
INVITED = kind("invited", N_("{phone} has been invited to {group}."))
ASK_BEGIN = kind(
    "ask_begin",
    N_("{taken} of {lots} lots of {group} are taken. Begin with {taken} lots, a pot of {pot}? No more can join then."),
)
BEGUN = kind("begun", N_("{group} begins: {lots} lots, {rounds} rounds, first due {due}."))
CYCLE_BEGUN = kind(
    "cycle_begun",
    N_(
        "{group} begins: {amount} a lot, {lots} lots, {rounds} rounds, pot {pot}. Round 1 is due {due}; lots are "
        "drawn {draw} with beacon round {beacon}. Seal of all draws: {anchor}. To pay: PAY."
    ),
    N_("{group} begins: {amount} a lot, {rounds} rounds, pot {pot}. Round 1 due {due}. Seal {anchor}. To pay: PAY"),
)
