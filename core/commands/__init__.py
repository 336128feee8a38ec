"""What people can say, by what it is about. Importing this registers every command."""

from core.commands import anyone, joining, linking, paying, paying_out, seeing

__all__ = ["anyone", "joining", "linking", "paying", "paying_out", "seeing"]
