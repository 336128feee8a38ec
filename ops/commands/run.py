"""run everything on this machine; PORT (8000) and EQUB_HOME (.equb) may be set; Ctrl-C ends it"""

from ops import supervise
from ops.errors import CannotStart


def main(arguments: list[str]) -> int:
    """The exit status of the supervisor. Takes no arguments: settings are environment variables."""
    if arguments:
        raise CannotStart("run takes no arguments: settings are environment variables (see .env.example)", status=2)
    return supervise.run()
