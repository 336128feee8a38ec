"""What people are told without having asked: notices, and the outbox that they leave through."""
