"""What people do with known bugs: list them, bring them in, and say what they explain."""
