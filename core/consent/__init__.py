"""What people agree to before it holds: proposals, changes of rules, witnessed draws, PINs."""
