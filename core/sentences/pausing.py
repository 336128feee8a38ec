"""Sentences of pauses: a time in which no round falls due."""

from core.messages import N_
from core.sentences.making import kind, refusal

ABOUT_PAUSE = kind(
    "about_pause",
    N_("No round falls due for a while: PAUSE 2 rounds, PAUSE until 2027-01-20, and the reason. Others must agree."),
)
ABOUT_RESUME = kind("about_resume", N_("Ends the pause; the rounds move back. Others must agree."))
ASK_PAUSE = kind("ask_pause", N_("For how many rounds, or until which day? For example: 2 rounds, until 2027-01-20."))
SURE_PAUSE = kind(
    "sure_pause",
    N_("{group} would pause until {until}: {reason}. Round {round} would be due {due}. Ask the others?"),
)
PAUSE_ASKED = kind("pause_asked", N_("{group}: the others are asked. It pauses when they agree."))
PAUSE_QUESTION = kind(
    "pause_question",
    N_("{group}: {name} wants to pause until {until}: {reason}. Round {round} would be on {due}. Do you agree?"),
)
PAUSE_WHAT = kind("pause_what", N_("a pause until {until}"))
PAUSED = kind(
    "paused", N_("{group} pauses until {until}: {reason}. Round {round} is due {due}, the others follow after it.")
)
PAUSED_UNTIL = kind("paused_until", N_("Pause until {until}: {reason}"))
PAUSE_LINE = kind("pause_line", N_("{on}: pause until {until}: {reason}"))
SURE_RESUME = kind(
    "sure_resume", N_("The pause of {group} would end. Round {round} would be due {due}. Ask the others?")
)
RESUME_ASKED = kind("resume_asked", N_("{group}: the others are asked. It goes on when they agree."))
RESUME_QUESTION = kind(
    "resume_question",
    N_("{group}: {name} wants to end the pause. Round {round} would be due {due}. Do you agree?"),
)
RESUME_WHAT = kind("resume_what", N_("the end of the pause"))
RESUMED = kind("resumed", N_("{group} goes on: round {round} is due {due}, the others follow after it."))

RULE_PAUSE_DAYS = kind("rule_pause_days", N_("No round falls due from {on} to {until}."))
RULE_PAUSE_EACH_YEAR = kind("rule_pause_each_year", N_("Each year no round falls due in {fast}."))
FASTS = {
    "lent": kind("fast_lent", N_("Great Lent")),
    "filseta": kind("fast_filseta", N_("the fast of Filseta")),
    "advent": kind("fast_advent", N_("the Advent fast")),
    "ramadan": kind("fast_ramadan", N_("Ramadan")),
}

refusal("pause.over", N_("Every round of {group} has begun; there is none left to pause."))
refusal("pause.nothing", N_("No round falls due before then: round {round} is due {due}."))
refusal("pause.too_long", N_("That is too long for a pause."))
refusal("pause.none", N_("{group} does not pause."))
refusal("rules.pause", N_("A pause is from one day to a later one, a month, or a fast."))
refusal("rules.always_paused", N_("With these pauses no day would be left for a round."))
