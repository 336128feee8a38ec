"""Refusals: a rule's code becomes a sentence. Those of one subject may stand beside its other sentences."""

from core.messages import N_
from core.sentences.making import refusal

refusal("amount.not_understood", N_('I did not understand the amount "{typed}". Write it in digits, for example 1000.'))
refusal("amount.not_positive", N_("The amount must be more than nothing."))
refusal("amount.too_large", N_("That amount is too large."))
refusal("amount.too_fine", N_("That amount has more digits after the point than the currency."))
refusal("phone.not_understood", N_('I did not understand the phone number "{typed}".'))
refusal("name.not_understood", N_("I need a name with letters."))
refusal("name.too_long", N_("A name has at most {most} letters."))
refusal("group.name_not_understood", N_("The equb needs a name with letters or digits."))
refusal("group.name_too_long", N_("An equb's name has at most {most} letters."))
refusal("group.unknown_code", N_('There is no equb with the code "{typed}".'))
refusal("group.unknown_name", N_('You are in no equb called "{typed}".'))
refusal("group.unknown", N_("There is no such equb."))
refusal("group.not_forming", N_("{group} has begun already: nobody can join or change lots until the cycle ends."))
refusal(
    "group.between_cycles", N_("{group} has finished a cycle. The organiser opens the next one to others with INVITE.")
)
refusal("member.ambiguous", N_('Several members are called "{typed}": {who}. Write the number.'))
refusal("group.not_running", N_("{group} has not begun yet."))
refusal("group.full", N_("{group} is full."))
refusal("share.not_understood", N_('I did not understand the share "{typed}". Write for example 1, 2, 1/2 or 3/10.'))
refusal("share.out_of_range", N_("A share is from 0 to 100 lots."))
refusal("share.too_fine", N_("A share is not finer than 1/{finest}."))
refusal("lots.not_understood", N_('I did not understand "{typed}". How many lots, from 2 to 600?'))
refusal(
    "rhythm.not_understood",
    N_('I did not understand "{typed}". Every day, every week, every month, or every how many days?'),
)
refusal("language.not_understood", N_('I do not know the language "{typed}".'))
refusal("group.none", N_("You are in no equb yet. JOIN and a code: join one. NEW: found one."))
refusal("person.unknown_yet", N_("I do not know you yet. JOIN and a code: join an equb. NEW: found one."))
refusal("words.left_over", N_('I did not understand "{typed}" after {word}. Nothing was done. HELP {word} shows how.'))
refusal("answer.not_understood", N_('I did not understand "{typed}". Please answer again, or 0 to stop.'))
refusal("answer.yes_or_no", N_("Please answer 1 for yes or 2 for no."))
refusal(
    "rules.does_not_add_up",
    N_(
        "That does not add up: {lots} lots of {contribution} make a pot of {pot}, not {said}. A pot of "
        "{said} needs {fitting_lots} lots. Please write it again."
    ),
)
refusal(
    "rules.does_not_add_up.never",
    N_(
        "That does not add up: {lots} lots of {contribution} make a pot of {pot}, and no number of lots "
        "makes {said}. Please write it again."
    ),
)
refusal("rules.uneven", N_("{lots} lots cannot be drawn {drawn} at a time without a rest; {offered} at a time can."))
refusal("rules.too_long", N_("A cycle has at most {most} rounds."))
refusal("rules.fee_eats_pot", N_("The fee leaves nothing of the pot of {pot}."))
refusal(
    "rules.deductions_eat_pot", N_("Fee and deductions together leave nothing of the pot of {pot}. Take less off it.")
)
refusal("rules.fund_twice", N_('Two deductions cannot both be called "{name}".'))
refusal(
    "rules.auction_eats_pot",
    N_(
        "With all that is taken off, a bid could leave nothing of the pot of {pot}. "
        "At most {offered} percent can be bid."
    ),
)
refusal("rules.auction_step", N_("Bids cannot rise by more than the highest allowed, which is {amount}."))
refusal("rules.stages", N_("The order can change once in a round, from round 2 to round {rounds}."))
refusal("rules.drawn_once_later", N_("What is drawn once is drawn before round 1. Later rounds need another order."))
refusal("rules.netting_dividend", N_("A dividend is paid out; it cannot also be set off. Choose one of the two."))
refusal("rules.rhythm", N_("These days do not fit that rhythm: a weekday for weeks, a day or its week for months."))
refusal("rules.holidays", N_('The holidays of "{country}" are not known.'))
refusal("rules.no_reserve", N_("A reserve that fills small pots must first be fed: deduct something for a reserve."))
refusal("rules.no_guarantors", N_("Guarantors can only be asked where members must have one."))
refusal("rules.late_joiners_one_lot", N_("Late joiners need an equb where one lot receives in each round."))
refusal("rules.fewer_lots_than_taken", N_("{taken} lots are taken already."))
refusal(
    "cycle.lot_not_full",
    N_("Lot {lot} is not full: {free} of it is free. Somebody must take the rest before the equb can begin."),
)
refusal("cycle.too_few_lots", N_("{group} needs at least two lots to begin."))
refusal("member.unknown", N_("There is no such member."))
refusal("member.not_found", N_('There is no member "{typed}" in {group}. MEMBERS shows all.'))
refusal("member.organiser_stays", N_("The organiser cannot leave {group} without handing over."))
refusal("member.not_in", N_("You are not in that equb."))
refusal("rights.office", N_("Only the officers of the equb may do that."))
refusal("payment.unknown_code", N_('There is no payment with the number "{typed}".'))
refusal("payment.unknown", N_("There is no such payment."))
refusal("payment.already_answered", N_("This has been answered already."))
refusal("payment.already_reversed", N_("Receipt {code} has been taken back already."))
refusal("payment.not_recorded", N_("Payment {code} is not recorded."))
refusal("payout.unknown", N_("There is no such payout."))
refusal("payout.nothing_to_pay", N_("{group}: nothing is to be paid out now."))
refusal("payout.nothing_there", N_("The pot of round {round} holds nothing for this member now."))
refusal("payout.not_approved", N_("A second person must approve this payout first."))
refusal("payout.approver_pays", N_("Who approved a payout cannot pay it out."))
refusal("payout.already_paid", N_("This has been paid already."))
refusal("payout.already_approved", N_("This has been approved already."))
refusal("payout.not_paid", N_("This has not been paid."))
refusal("payout.already_received", N_("This has been confirmed already and cannot be taken back."))
refusal("payout.not_a_holder", N_("{name} holds no lot that was drawn and waits for money."))
refusal("draw.unknown_code", N_('There is no draw with the code "{typed}".'))
refusal("ledger.not_enough", N_("That money has left the pot already. First correct the payout."))
refusal("undo.too_late", N_("It is too late to take that back. Please talk to the officers."))
refusal("link.unknown_code", N_("This code is not valid, or no longer."))
refusal("link.both_known", N_("That number already belongs to another person here. Please talk to your organiser."))
refusal("link.on_telegram", N_("Write this code to our Telegram bot, not by SMS."))
refusal("invite.too_many", N_("You have invited many people today. Please try again tomorrow."))
refusal("invite.known", N_("{phone} knows of {group} already."))
