"""Phone numbers: every habit of writing one is one number in E.164."""

import phonenumbers

from core.errors import Refusal

HOME_REGION = "ET"


def to_e164(typed: str) -> str:
    """``0911…``, ``911…``, ``+251 911…`` → ``+251911…``. Raises ``Refusal("phone.not_understood")``."""
    digits = typed.strip()
    if digits.isdigit() and len(digits) == 9 and digits[0] in "79":
        digits = "0" + digits
    if digits.startswith("251") and len(digits) == 12:
        digits = "+" + digits
    try:
        number = phonenumbers.parse(digits, HOME_REGION)
    except phonenumbers.NumberParseException:
        raise Refusal("phone.not_understood", typed=typed[:40]) from None
    # possible, not valid: operators open new ranges faster than any table follows.
    if not phonenumbers.is_possible_number(number):
        raise Refusal("phone.not_understood", typed=typed[:40])
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked(e164: str) -> str:
    """``+251911****56``: enough to recognise one's own number, not enough to call another's."""
    return e164 if len(e164) < 8 else f"{e164[:-6]}****{e164[-2:]}"
