"""What people write, understood and answered: the conversation, its questions, its commands."""
