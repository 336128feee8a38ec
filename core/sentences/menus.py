"""Sentences of the basic phone: menus by numbers, going on after a pause, long answers in parts."""

from core.messages import N_, Kind
from core.sentences.making import kind

MENU = kind("menu", N_("What would you like to do?"), N_("Answer with a number:"))
MENU_FURTHER = kind("menu_further", N_("More choices. 0: back."))
MENU_MORE = kind("menu_more", N_("More"))
MENU_WORDS = {
    "WHO": kind("menu_who", N_("Who has not paid")),
    "CASH": kind("menu_cash", N_("Cash from a member")),
    "PAYOUT": kind("menu_payout", N_("Pay the pot out")),
    "BEGIN": kind("menu_begin", N_("Begin the rounds")),
    "INVITE": kind("menu_invite", N_("Invite somebody")),
    "STATUS": kind("menu_status", N_("What I owe and have")),
    "PAY": kind("menu_pay", N_("I have paid")),
    "ROUND": kind("menu_round", N_("This round")),
    "HISTORY": kind("menu_history", N_("My payments")),
    "MEMBERS": kind("menu_members", N_("Who is in the equb")),
    "RULES": kind("menu_rules", N_("The rules")),
    "ORDER": kind("menu_order", N_("Who receives when")),
    "DISPUTE": kind("menu_dispute", N_("Something is wrong")),
    "ANNOUNCE": kind("menu_announce", N_("Tell all members")),
    "EXCUSE": kind("menu_excuse", N_("Excuse a member")),
    "CLOSE": kind("menu_close", N_("Close the equb")),
    "LEAVE": kind("menu_leave", N_("Leave the equb")),
    "JOIN": kind("menu_join", N_("Join an equb")),
    "NEW": kind("menu_new", N_("Found an equb")),
    "LANG": kind("menu_lang", N_("Language")),
    "HELP": kind("menu_help", N_("All words")),
}

GO_ON = kind("go_on", N_("{word} is not finished. I asked: {asked} Go on with it?"))

# What is put together for one screen or one part of a long answer: whole sentences already.
VERBATIM: Kind = kind("verbatim", "{text}")
SCREEN_MORE = kind("screen_more", N_("98 More"))
SCREEN_BACK = kind("screen_back", N_("0 Back"))
