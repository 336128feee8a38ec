"""Sentences of greeting, help and language, and of linking a phone and a Telegram account."""

from core.messages import N_
from core.sentences.making import kind

WELCOME = kind(
    "welcome",
    N_(
        "Welcome to Equb. Here you found or join a savings group, pay in, and see every draw and every birr.\n"
        "NEW: found an equb. JOIN and its code: join one. HELP: all words. LANG: language."
    ),
    N_("Welcome to Equb. NEW: found an equb. JOIN + code: join one. HELP: all words. LANG: language."),
)
WELCOME_BACK = kind("welcome_back", N_("Welcome back, {name}. STATUS: what is due. HELP: all words."))
HELP = kind(
    "help",
    N_(
        "PAY 1000: I have paid. STATUS: what is due and what is mine. ROUND, HISTORY, RULES, MEMBERS: about the "
        "equb. JOIN code: join. LEAVE: leave. NEW: found an equb. VERIFY code: check a draw. LANG: language. "
        "NAME: your name. LINK: one person on phone and Telegram. UNDO or 0: take back. STOP: no more messages. "
        "HELP PAY: about one word. HELP MORE: more words."
    ),
    N_(
        "PAY, STATUS, ROUND, HISTORY, RULES, MEMBERS, JOIN code, LEAVE, NEW, VERIFY code, LANG, NAME, LINK, "
        "UNDO, STOP. HELP PAY: one word. HELP MORE: more."
    ),
)
HELP_OFFICER = kind(
    "help_officer",
    N_(
        "For officers: CASH 7 1000: member 7 has paid 1000. WHO: who has not paid. INVITE: how to invite. "
        "BEGIN: start the rounds. PAYOUT 7: member 7 got the pot."
    ),
    N_("Officers: CASH 7 1000, WHO, INVITE, BEGIN, PAYOUT 7."),
)
HELP_MORE = kind("help_more", N_("More words: {words}. HELP and a word: what it does."))
HELP_OFFICER_MORE = kind("help_officer_more", N_("For officers: {words}."))
HELP_WORD = kind("help_word", N_("{word}: {about}"))
NOT_UNDERSTOOD = kind("not_understood", N_('I did not understand "{typed}". HELP shows all words.'))
ONLY_TEXT = kind("only_text", N_("I can only read text. HELP shows all words."))
NOTHING_ASKED = kind("nothing_asked", N_("There is no open question. HELP shows all words."))
EXPIRED = kind("expired", N_("This question is no longer open; nothing was done. HELP shows all words."))
NEVER_MIND = kind("never_mind", N_("All right, nothing was done."))
NOTHING_TO_UNDO = kind("nothing_to_undo", N_("There is nothing to take back."))
THANKS = kind("thanks", N_("You are welcome."))
FAILED = kind("failed", N_("Something went wrong on our side; nothing was done. Please write again in a few minutes."))
ASK_LANGUAGE = kind("ask_language", N_("Which language?"))
ASK_CALENDAR = kind("ask_calendar", N_("Which calendar and clock? Today is {ethiopian} or {gregorian}."))
CALENDAR_ETHIOPIAN = kind("calendar_ethiopian", N_("Ethiopian"))
CALENDAR_GREGORIAN = kind("calendar_gregorian", N_("Gregorian"))
CALENDAR_SET = kind("calendar_set", N_("From now on you read dates and hours so: {due}."))
LANGUAGE_SET = kind("language_set", N_("From now on I write English."))
STOPPED = kind("stopped", N_("You get no more messages from Equb here. START: again. Your savings stay as they are."))
STARTED_AGAIN = kind("started_again", N_("You get messages from Equb here again."))
ASK_NAME = kind("ask_name", N_("What is your name?"))
NAME_SET = kind("name_set", N_("Your name here is {name}."))
WHICH_GROUP = kind("which_group", N_("Which equb?"))

LINK_CODE = kind(
    "link_code", N_("Your code is {code}. Write LINK {code} to our Telegram bot within 10 minutes. Tell it to nobody.")
)
SHARE_CONTACT = kind("share_contact", N_("Share my number"))
FOREIGN_CONTACT = kind(
    "foreign_contact", N_("That is somebody else's number. Only your own, sent with the button, counts.")
)
LINK_HOW = kind(
    "link_how",
    N_(
        "To use your phone number here, press the button below, or send LINK by SMS from your phone and "
        "write the code here."
    ),
)
LINKED = kind("linked", N_("Done: {phone} and this account are one person now, {name}."))
LINKED_NEW = kind("linked_new", N_("Done: {phone} is yours here. JOIN and a code: join an equb. NEW: found one."))
