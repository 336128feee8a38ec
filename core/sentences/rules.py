"""Sentences of the rules a group has chosen, of choosing and of changing them."""

from core.messages import N_, NN_
from core.sentences.making import kind, refusal

# --- The rhythm ------------------------------------------------------------------------------------

EVERY_WEEKS = kind("every_weeks", N_("every {count} weeks"))
EVERY_MONTHS = kind("every_months", N_("every {count} months"))
ON_WEEKDAY = kind("on_weekday", N_("{rhythm} on {day}"))
ON_DAY = kind("on_day", N_("{rhythm} on the {day}."))
ON_ETHIOPIAN_DAY = kind("on_ethiopian_day", N_("{rhythm} on the {day}. of the Ethiopian month"))
ON_NTH = kind("on_nth", N_("{rhythm} on the {nth}. {day}"))
ON_LAST = kind("on_last", N_("{rhythm} on the last {day}"))
WEEKDAYS = tuple(
    kind(f"weekday-{number}", name)
    for number, name in enumerate(
        (N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday")), 1
    )
)

# --- What a group may choose beside contribution, lots and rhythm ------------------------------------

RULE_ORDER_ONCE = kind("rule_order_once", N_("The turns are drawn once, before round 1, for all rounds."))
RULE_ORDER_FIXED = kind("rule_order_fixed", N_("The turns are fixed before it begins."))
RULE_ORDER_NEED = kind("rule_order_need", N_("The officers decide who receives, need first."))
RULE_ORDER_OPEN = kind(
    "rule_order_open",
    N_("The pot is auctioned: who leaves most of it to the others receives. Bids are open, {amount} more each."),
)
RULE_ORDER_SEALED = kind(
    "rule_order_sealed",
    N_("The pot is auctioned: who leaves most of it to the others receives. Bids are sealed until the cut-off."),
)
RULE_AUCTION_CAP = kind("rule_auction_cap", N_("At most {percent} percent of the pot can be bid."))
RULE_DIVIDEND = kind("rule_dividend", N_("What is bid is paid out to all lots alike."))
RULE_SET_OFF = kind("rule_set_off", N_("What is bid is set off against the next contribution of all lots alike."))
RULE_FROM_ROUND = kind("rule_from_round", N_("From round {round}: {what}"))
RULE_DRAWN = kind("rule_drawn", N_("Lots are drawn in public each round."))
RULE_FIRST_POT = kind("rule_first_pot", N_("The first pot goes to the organiser."))
RULE_FEE_POT = kind("rule_fee_pot", N_("The organiser keeps {amount} of each pot."))
RULE_FEE_BEGIN = kind("rule_fee_begin", N_("Each lot pays the organiser {amount} with round 1."))
RULE_FEE_ROUND = kind("rule_fee_round", N_("Each lot pays the organiser {amount} in parts, with every round."))
RULE_FINE = kind("rule_fine", N_("Who pays late owes a fine: {fine}, {per}. It goes to {to}."))
RULE_FINE_GRACE = kind(
    "rule_fine_grace",
    NN_(
        "Who pays more than {count} hour late owes a fine: {fine}, {per}. It goes to {to}.",
        "Who pays more than {count} hours late owes a fine: {fine}, {per}. It goes to {to}.",
    ),
)
FINE_FLAT = kind("fine_flat", N_("{amount} once"))
FINE_PART = kind("fine_part", N_("{percent} percent of what is open, once"))
FINE_DAILY = kind("fine_daily", N_("{amount} a day"))
FINE_DAILY_PART = kind("fine_daily_part", N_("{percent} percent of what is open, a day"))
FINE_PER_DUE = kind("fine_per_due", N_("for each lot"))
FINE_PER_MEMBER = kind("fine_per_member", N_("for a member, however many lots"))
TO_FUND = kind("to_fund", N_("the group's fund"))
TO_ORGANISER = kind("to_organiser", N_("the organiser"))
TO_CHARITY = kind("to_charity", N_("charity"))
TO_MEMBERS = kind("to_members", N_("all members, at the end"))
RULE_FINE_MOST = kind("rule_fine_most", N_("A fine is at most {amount}."))
RULE_DEDUCTION = kind("rule_deduction", N_("From each pot {what} for {fund}."))
RULE_DEDUCTION_FIRST = kind("rule_deduction_first", N_("From the first pot {what} for {fund}."))
PERCENT = kind("percent", N_("{percent} percent"))
RULE_NETTING = kind("rule_netting", N_("What the receiver owes for the round is set off against the pot."))
RULE_WAIT = kind("rule_wait", N_("A pot is paid out when all of it is there."))
RULE_RESERVE = kind("rule_reserve", N_("The reserve fills a pot that is not full."))
RULE_ASK_GUARANTORS = kind("rule_ask_guarantors", N_("Guarantors are asked for what is missing in a pot."))
RULE_GUARANTORS = kind(
    "rule_guarantors",
    NN_("Before receiving, a member needs {count} guarantor.", "Before receiving, a member needs {count} guarantors."),
)
RULE_LOANS = kind("rule_loans", N_("Up to {percent} percent of a pot may be lent."))
RULE_THING = kind("rule_thing", N_("The pot is a thing: {thing}."))
RULE_BACK_PAY = kind("rule_back_pay", N_("Who joins late pays all past rounds."))
RULE_SHORT_PLACE = kind("rule_short_place", N_("Who joins late pays to the end and then receives what they paid."))
RULE_LEAVING = kind(
    "rule_leaving", N_("Who leaves before receiving gets back at the end what they paid, less {percent} percent.")
)
RULE_DEBTS_BAR = kind("rule_debts_bar", N_("Who owes of an earlier cycle receives only after paying that."))
RULE_DEBTS_SET_OFF = kind("rule_debts_set_off", N_("What somebody owes of an earlier cycle is kept of their pot."))
RULE_CLOSING_SHARE = kind(
    "rule_closing_share", N_("When the cycle closes, what its funds hold is shared out to all lots alike.")
)
RULE_GRACE = kind(
    "rule_grace",
    NN_("The cut-off is {count} hour after the due hour.", "The cut-off is {count} hours after the due hour."),
)
RULE_HOUR = kind("rule_hour", N_("Dues fall due at {at}."))
RULE_REMIND = kind(
    "rule_remind",
    NN_("A reminder comes {count} hour before the due hour.", "A reminder comes {count} hours before the due hour."),
)
RULE_NO_REMINDER = kind("rule_no_reminder", N_("No reminder is sent."))
RULE_HOLIDAYS_AFTER = kind("rule_holidays_after", N_("A due day on a public holiday moves to the next day."))
RULE_HOLIDAYS_BEFORE = kind("rule_holidays_before", N_("A due day on a public holiday moves to the day before."))
RULE_APPROVAL = kind("rule_approval", N_("A second person approves each payout."))
RULE_VOTE = kind("rule_vote", N_("While rounds run, rules change by a vote of {percent} percent of the members."))

# --- Choosing and changing ---------------------------------------------------------------------------

ASK_RULE = kind("ask_rule", N_("Which rule? For example SET FINE 50, SET ORDER fixed, SET FEE 2%. HELP SET: all."))
SURE_RULE = kind("sure_rule", N_("{group} will have these rules:\n{lines}\nIs that right?"))
RULES_IN_SHORT = kind("rules_in_short", N_("{amount} {rhythm}, {lots} lots, pot {pot}."))
RULE_SET = kind("rule_set", N_("The rules of {group} are changed."))
RULE_SET_TOLD = kind("rule_set_told", N_("The rules of {group} are changed. The members are asked to accept them."))
RULE_FROM = kind("rule_from", N_("The rules of {group} change from round {round} on."))
RULE_ASKED = kind("rule_asked", N_("The others are asked. If they agree, it holds from the next round on."))
ACCEPT_RULES = kind(
    "accept_rules",
    N_(
        "{group} has new rules: {amount} {rhythm}, {lots} lots, pot {pot}.\n{lines}\nDo you accept them? With NO you "
        "leave it."
    ),
)
ACCEPTED = kind("accepted", N_("Thank you. You have accepted the rules of {group}."))
LEFT_OVER_RULES = kind("left_over_rules", N_("{name} does not accept the rules of {group} and has left it."))
AGREE_RULES = kind("agree_rules", N_("{name} proposes for {group}, from the next round on:\n{lines}\nDo you agree?"))
RULES_CHANGED = kind("rules_changed", N_("{group}: agreed. From round {round} on:\n{lines}"))
CHANGE_OF_RULES = kind("change_of_rules", N_("a change of the rules"))
ABOUT_SET = kind(
    "about_set",
    N_(
        "The organiser sets a rule: SET and FEE, FINE, ORDER, DAY, HOUR, GRACE, DEDUCT, POT, NETTING, GUARANTORS, "
        "LOAN, THING, LATE, LEAVING, DEBTS, CLOSING, HOLIDAYS, PAUSE, APPROVAL, VOTE, LOTS, DRAWN or LIKE, and the "
        "value: SET FINE 50 DAILY MAX 200."
    ),
)

refusal("rule.not_understood", N_('I did not understand the rule "{typed}". HELP SET shows how.'))
refusal("rule.next_cycle", N_("This rule is fixed while the rounds run. It can change when the cycle has ended."))
refusal("rule.same", N_("That is the rule already."))
refusal("rule.not_accepted", N_("These have not accepted the rules yet: {who}. They are asked on their phones."))
