"""The ways of finding a lot, in words: what an announcement, ORDER and VERIFY say of them. Changes nothing."""

from core import sentences as say
from core.messages import Kind, Message
from core.order.draw import Record
from core.rules import Rules

OFFICES: dict[str, Kind] = {
    "organiser": say.ORGANISER,
    "secretary": say.SECRETARY,
    "collector": say.COLLECTOR,
}
_REASONS: dict[str, Kind] = {
    "arrears": say.REASON_ARREARS,
    "no_guarantor": say.REASON_GUARANTOR,
    "suspended": say.REASON_SUSPENDED,
    "old_debt": say.REASON_OLD_DEBT,
}
_ORDERS: dict[str, Kind] = {
    "drawn": say.ORDER_DRAWN,
    "drawn_once": say.ORDER_DRAWN_ONCE,
    "fixed": say.ORDER_FIXED,
    "need": say.ORDER_NEED,
    "auction": say.ORDER_AUCTION,
}


def reason_words(reason: str) -> Message:
    """Why a lot is not on a list."""
    return _REASONS.get(reason, say.REASON_OTHER)()


def order_words(rules: Rules) -> list[Message]:
    """How lots are found from the first round on, and from which round otherwise."""
    said = [_ORDERS[rules.order]()]
    for stage in sorted(rules.later_orders, key=lambda stage: stage.from_round):
        said.append(say.ORDER_FROM(round=stage.from_round, how=_ORDERS[stage.order]()))
    return [*said, say.ORDER_FIRST()] if rules.first_to_organiser else said


def how_words(record: Record) -> Message:
    """How a lot was found that was not computed, from its record alone."""
    match record.kind:
        case "turn":
            pick = record.how.get("pick", "")
            return say.HOW_TURN_DRAWN(code=pick) if pick else say.HOW_TURN()
        case "organiser":
            return say.HOW_ORGANISER()
        case "need":
            return say.HOW_NEED(by=_by(record))
        case "auction":
            return say.HOW_BID(said=record.how.get("discount", ""))
        case "witnessed":
            return say.HOW_WITNESSED_BY(numbers=record.how.get("witnesses", ""))
        case _:
            return say.HOW_OTHER()


def _by(record: Record) -> Message:
    office = OFFICES.get(record.how.get("office", ""))
    return say.OFFICER_NO(office=office(), number=record.how.get("number", "")) if office else say.ADMINISTRATOR()
