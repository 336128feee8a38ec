"""What people can say, by what it is about. ``core.talking.conversation`` imports every module, which registers it."""
