"""What people can say, by what it is about. ``core.conversation`` imports every module, which registers it."""
