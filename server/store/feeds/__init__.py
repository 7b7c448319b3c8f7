"""Feeds that wait for changes: whom a change wakes, and what it costs the others."""

from server.store.feeds.board import Board, Boards
from server.store.feeds.group import Group, Sign, Waiter
from server.store.feeds.rules import EVERYTHING, Condition, Rule

__all__ = ["EVERYTHING", "Board", "Boards", "Condition", "Group", "Rule", "Sign", "Waiter"]
