"""`.env.example`, written from the settings themselves: `python -m ops.env_example > .env.example`.

A test compares the file with this, so that no setting is missing and no default is wrong.
"""

from __future__ import annotations

from core.settings import Settings

_HEAD = """\
# Settings. Copy this file to .env and take the # off the lines you change; the environment wins over .env.
# Every setting is here, with its default where it has one. ./equb run needs none of them: it starts a
# database and a Redis of its own, makes up keys and passwords (kept in EQUB_HOME), and is a sandbox until
# real credentials are set. "First tenant" is the one that the first start creates. docker-compose.yml also
# wants POSTGRES_PASSWORD, OWNER_PASSWORD and APP_PASSWORD here, of letters and digits.
"""


def render() -> str:
    """The whole file: each setting as a comment that says what it is and a line that would set its default."""
    parts = [_HEAD]
    for field_name, field in Settings.model_fields.items():
        name = field.validation_alias or f"EQUB_{field_name.upper()}"
        default = "" if field.is_required() else field.default
        parts.append(f"# {field.description}\n#{name}={default}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(render(), end="")
