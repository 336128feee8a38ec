"""Every word that stands on a paper, in English; translations stand in ``locales/``.

Headings are short: a column is narrow. Kinds of dues and deductions, ways of paying and states come from rows, and
each has its word in one table here; a kind that nobody has put into words yet is printed as it is called in the row.
"""

from core.messages import N_

# --- Titles and the head ---------------------------------------------------------------------------------

BOOK = N_("The book of {group}")
STATEMENT = N_("Statement for {name}")
MEMBER_NO = N_("member {number} of {group}")
AS_OF = N_("As of {when}")
PAGE = N_("page {page} of {pages}")
GROUP_CODE = N_("Code")
BEGAN = N_("Began")
PER_LOT = N_("A lot pays")
POT = N_("Pot")
OFF_THE_POT = N_("Taken from a pot")
ROUNDS_HELD = N_("Rounds held")
CYCLE = N_("Cycle")
DAILY, WEEKLY, MONTHLY = N_("every day"), N_("every week"), N_("every month")
RHYTHMS = {"daily": DAILY, "weekly": WEEKLY, "monthly": MONTHLY}
EVERY_DAYS = N_("every {count} days")
N_OF_M = N_("{number} of {whole}")
SIGNATURE = N_("{office}: name, signature, date")
EQUALS_LEDGER = N_("These figures were compared with the ledger and agree with it.")
NOTHING = N_("Nothing yet.")

# --- Sections and sheets ---------------------------------------------------------------------------------

SUMMARY = N_("In short")
MEMBERS = N_("Members")
LOTS = N_("Lots")
ROUNDS = N_("Rounds")
CONTRIBUTIONS = N_("Contributions")
DUES = N_("Dues")
PAYOUTS = N_("Payouts")
ACCOUNTS = N_("Where the money is")
LEDGER = N_("Ledger")
GRID = N_("Who has paid for which round")
GRID_LEGEND = N_("{full} paid   {half} paid in part   {empty} not paid   {excused} excused   {later} not due yet")

# --- Columns ---------------------------------------------------------------------------------------------

NUMBER = N_("No.")
NAME = N_("Name")
OFFICE = N_("Office")
LOT = N_("Lot")
HOLDERS = N_("Holders")
ROUND = N_("Round")
DRAWN_IN = N_("Drawn in round")
DRAWN_ON = N_("Drawn on")
DRAW_CODE = N_("Draw")
DUE_ON = N_("Due on")
STATE = N_("State")
DUE = N_("Due")
PAID = N_("Paid")
OPEN = N_("Still owed")
LATE = N_("Late")
ADVANCE = N_("In advance")
RECEIVED = N_("Received")
PROMISED = N_("To receive")
IN_HAND = N_("In hand")
COLLECTED = N_("Collected")
PAID_OUT = N_("Paid out")
KEPT = N_("Kept back")
LEFT = N_("Left")
DRAWN_LOTS = N_("Drawn lots")
FOR = N_("For")
AMOUNT = N_("Amount")
PAID_ON = N_("Paid on")
RECEIPTS = N_("Receipts")
RECEIPT = N_("Receipt")
MEMBER = N_("Member")
WAY = N_("Way")
SAID_ON = N_("Said on")
RECORDED_ON = N_("Recorded on")
HELD_BY = N_("Taken by")
REASON = N_("Reason")
GROSS = N_("Whole pot")
DEDUCTED = N_("Deducted")
PAID_BY = N_("Paid by")
RECEIVED_ON = N_("Received on")
ACCOUNT = N_("Account")
CAME = N_("Came in")
WENT = N_("Went out")
THERE = N_("There")
ON = N_("Date")
KIND = N_("Kind")
FROM = N_("From")
TO = N_("To")
NOTE = N_("Note")
ETHIOPIAN = N_("{title} (Ethiopian)")
TOTAL = N_("Total")

# --- The summary -----------------------------------------------------------------------------------------

TOTAL_OWED = N_("Fell due or was called for")
TOTAL_PAID_IN = N_("Paid in")
TOTAL_OPEN = N_("Still owed")
TOTAL_LATE = N_("of it late")
TOTAL_PAID_OUT = N_("Paid out to holders")
TOTAL_IN_HAND = N_("In hand of officers and providers")
TOTAL_IN_POTS = N_("belongs to pots")
TOTAL_IN_ADVANCE = N_("was paid in advance")
TOTAL_KEPT = N_("fees and funds")
TOTAL_RECEIVED = N_("Received from pots")

# --- What stands in rows ---------------------------------------------------------------------------------

STATES = {
    "paid": N_("paid"),
    "part": N_("in part"),
    "open": N_("open"),
    "late": N_("late"),
    "excused": N_("excused"),
    "claimed": N_("said"),
    "recorded": N_("recorded"),
    "verified": N_("confirmed"),
    "reversed": N_("taken back"),
    "declined": N_("not arrived"),
    "planned": N_("to come"),
    "received": N_("received"),
    "denied": N_("not arrived"),
    "frozen": N_("list fixed"),
    "drawn": N_("drawn"),
    "active": N_("active"),
    "suspended": N_("suspended"),
    "left": N_("left the equb"),
}
KINDS = {
    "contribution": N_("contribution"),
    "fine": N_("late fine"),
    "fines": N_("fines"),
    "fee": N_("fee"),
    "members": N_("for the members"),
    "food": N_("food"),
    "coffee": N_("coffee"),
    "reserve": N_("reserve"),
    "charity": N_("charity"),
    "loan": N_("loan"),
    "dividend": N_("dividend"),
    "discount": N_("discount"),
    "refund": N_("refund"),
    "pot": N_("pot"),
    "payout": N_("payout"),
}
WAYS = {
    "cash": N_("cash"),
    "in_kind": N_("in kind"),
    "bank": N_("bank"),
    "wallet": N_("mobile money"),
    "telebirr": N_("telebirr"),
}
ROLES = {
    "member": N_("member"),
    "organiser": N_("organiser"),
    "secretary": N_("secretary"),
    "collector": N_("collector"),
}
ACCOUNTS_OF = {
    "pot": N_("pot of round {number}"),
    "held": N_("cash with {name}"),
    "advance": N_("paid in advance by {name}"),
    "fund": N_("fund: {name}"),
    "fee": N_("fee: {name}"),
    "provider": N_("at {name}"),
}

# --- The circle ------------------------------------------------------------------------------------------

CIRCLE_ROUND = N_("Round {number} of {whole}")
CIRCLE_POT = N_("{collected} of {pot}")
CIRCLE_DUE = N_("due {when}")
CIRCLE_PAUSED = N_("pause until {when}")
CIRCLE_FORMING = N_("not begun")
CIRCLE_OVER = N_("complete")
LEGEND_RECEIVED = N_("has received")
LEGEND_NEXT = N_("in the draw")
LEGEND_TURN = N_("is next")
LEGEND_GOOD = N_("has paid")
LEGEND_DUE = N_("is due")
LEGEND_LATE = N_("is late")
LEGEND_WAITING = N_("still to come")
