"""The tests, in folders by what they need; `tests.strategies` makes documents for all of them."""
