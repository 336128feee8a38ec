"""What each word does: HELP and the word."""

from core.messages import N_
from core.sentences.making import kind

ABOUT_START = kind("about_start", N_("Greets you, and lets messages come again after STOP."))
ABOUT_HELP = kind("about_help", N_("Shows all words. HELP PAY: about one of them."))
ABOUT_MENU = kind("about_menu", N_("What you can do, by numbers: 1, 2, 3; 0 goes back."))
ABOUT_LANG = kind("about_lang", N_("Changes the language: LANG am, LANG en."))
ABOUT_CALENDAR = kind("about_calendar", N_("Changes your calendar and clock: CALENDAR Ethiopian or Gregorian."))
ABOUT_STOP = kind("about_stop", N_("Ends all messages to this phone or account. Your savings stay as they are."))
ABOUT_NAME = kind("about_name", N_("Changes your name here: NAME Abebe Kebede."))
ABOUT_UNDO = kind(
    "about_undo", N_("Takes back what you just did, within 15 minutes, or leaves a question. 0 does the same.")
)
ABOUT_NEW = kind("about_new", N_("Founds an equb: NEW Merkato 1000 12 weekly is 12 lots of 1000 every week."))
ABOUT_JOIN = kind(
    "about_join", N_("Joins an equb: JOIN and its code, and a share if it is not one lot: JOIN K7M2Q4 1/2.")
)
ABOUT_LEAVE = kind("about_leave", N_("Leaves an equb: before it begins, or before you receive, if an officer agrees."))
ABOUT_INVITE = kind("about_invite", N_("Shows how others join; INVITE 0911223344 sends one invitation."))
ABOUT_BEGIN = kind("about_begin", N_("Fixes members, lots and rules, and starts round 1."))
ABOUT_PAY = kind("about_pay", N_("Says that you have paid: PAY 1000. An officer confirms it."))
ABOUT_CASH = kind("about_cash", N_("An officer records money: CASH 7 1000 is 1000 from member 7."))
ABOUT_WHO = kind("about_who", N_("Shows officers who has not paid yet."))
ABOUT_PAYOUT = kind("about_payout", N_("An officer records that a member got the pot: PAYOUT 7."))
ABOUT_STATUS = kind("about_status", N_("Shows what is due and when, what you have paid, and your lots."))
ABOUT_ROUND = kind("about_round", N_("Shows the present round: what has come in, when it is due and drawn."))
ABOUT_HISTORY = kind("about_history", N_("Shows your last payments."))
ABOUT_RULES = kind("about_rules", N_("Shows the rules of the equb."))
ABOUT_MEMBERS = kind("about_members", N_("Shows who is in the equb."))
ABOUT_VERIFY = kind("about_verify", N_("Checks a draw: VERIFY and the code of the announcement."))
ABOUT_LINK = kind("about_link", N_("Makes your phone and your Telegram account one person."))
ABOUT_ROLE = kind(
    "about_role", N_("The organiser offers an office: ROLE 7 secretary, ROLE 7 collector, ROLE 7 member.")
)
ABOUT_SUCCESSOR = kind("about_successor", N_("Another organiser: SUCCESSOR 7. Who it is agrees on their phone."))
ABOUT_HANDOVER = kind(
    "about_handover", N_("Cash you hold went to another officer: HANDOVER 7 5000. It counts when they confirm it.")
)
ABOUT_HOLDS = kind("about_holds", N_("Shows officers who holds how much cash for the equb."))
ABOUT_ANNOUNCE = kind("about_announce", N_("Tells all members something: ANNOUNCE and your words."))
ABOUT_DISPUTE = kind(
    "about_dispute",
    N_(
        "Says that the book is wrong: DISPUTE, the receipt and what is wrong. Also DISPUTE ROUND 3 (what you owe for "
        "it) and DISPUTE LOT 3 (what you got for it). Again, without words: what came of it."
    ),
    N_("Says the book is wrong: DISPUTE, the receipt and why. Also DISPUTE ROUND 3, DISPUTE LOT 3."),
)
ABOUT_ANSWER = kind("about_answer", N_("Officers answer a dispute: ANSWER, the receipt, and why it is right or wrong."))
ABOUT_EXCUSE = kind("about_excuse", N_("A member owes nothing for a round: EXCUSE 7 3 and the reason."))
ABOUT_DEFER = kind(
    "about_defer", N_("What a member owes is not chased: DEFER 7 2 rounds, DEFER 7 until 2026-12-24, and the reason.")
)
ABOUT_SUSPEND = kind("about_suspend", N_("Suspends a member: SUSPEND 7 and the reason. The same again lifts it."))
ABOUT_GUARANTEE = kind("about_guarantee", N_("You answer for what a member still owes after receiving: GUARANTEE 7."))
ABOUT_GUARANTOR = kind("about_guarantor", N_("Asks member 9 to answer for member 7: GUARANTOR 7 9."))
ABOUT_CLOSE = kind("about_close", N_("Ends a cycle in which somebody still owes. The debt stays owed."))
