"""How a sentence is made known: ``kind`` for what is said, ``refusal`` for a rule that says no."""

from core.messages import Kind

KINDS: dict[str, Kind] = {}
REFUSALS: dict[str, Kind] = {}


def kind(name: str, text: str | tuple[str, str], brief: str | None = None) -> Kind:
    """A sentence, or the two of ``NN_``, of which ``count`` decides. Raises ``RuntimeError`` for a name in use."""
    one, many = (text, None) if isinstance(text, str) else text
    if name in KINDS:
        raise RuntimeError(f"two sentences are called {name}")
    made = KINDS[name] = Kind(name, one, brief, many)
    return made


def refusal(code: str, text: str | tuple[str, str], brief: str | None = None) -> Kind:
    """The sentence for a Refusal's code, with its facts as placeholders."""
    made = REFUSALS[code] = kind(f"refused.{code}", text, brief)
    return made
