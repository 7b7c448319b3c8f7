"""What a write has to pass: rules of the store itself, and the validation functions of design documents."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from server.store.database import render
from server.store.database.edits import Transaction
from server.store.database.writes import Call, DocumentsWrite
from server.store.errors import StoreError

_encode, _decode = msgspec.json.encode, msgspec.json.decode
_DESIGN = "SELECT id, rev, deleted, body, atts FROM doc WHERE id >= '_design/' AND id < '_design0' AND NOT deleted"
#: Several writes of one user are validated together, up to about so many documents.
MANY = 100


class Validator(Protocol):
    """Runs validation functions, many documents at a time."""

    def validate_many(
        self,
        ddocs: list[bytes],
        calls: list[tuple[bytes, bytes | None]],
        user_ctx: dict[str, Any],
        sec_obj: dict[str, Any],
    ) -> Sequence[StoreError | None]:
        """A refusal, or None, for each call."""


#: A rule of the store itself: sees the new and the old document and the user, and raises what it has against it.
Rule = Callable[[dict[str, Any], dict[str, Any] | None, dict[str, Any]], None]


class Gate:
    """The rules and validation functions of one database. For its writer's thread alone."""

    def __init__(self, validator: Validator | None) -> None:
        self.rules: list[Rule] = []
        self._validator = validator
        self._functions: list[bytes] | None = None

    def forget(self) -> None:
        """Design documents changed."""
        self._functions = None

    def check(self, txn: Transaction, writes: list[Any], security: dict[str, Any]) -> None:
        """Run the rules and validation functions over what a group wants to write."""
        if self._functions is None:
            self._functions = [text for text in _living_designs(txn) if b'"validate_doc_update":' in text]
        if not self._functions and not self.rules:
            return
        waiting: dict[bytes, list[Call]] = {}
        for write in writes:
            if isinstance(write, DocumentsWrite) and write.user is not None:
                who = _encode(write.user)
                waiting[who] = waiting.get(who, []) + self._past_rules(write.to_validate(txn), write.user)
                if len(waiting[who]) >= MANY:
                    self._validate(waiting.pop(who), write.user, security)
        for who, calls in waiting.items():
            self._validate(calls, _decode(who), security)

    def _past_rules(self, calls: list[Call], user: dict[str, Any]) -> list[Call]:
        for draft, new, old in calls if self.rules else ():
            draft.refusal = self._against(new, old, user)
        return [call for call in calls if call[0].refusal is None]

    def _validate(self, calls: list[Call], user: dict[str, Any], security: dict[str, Any]) -> None:
        if not calls or not self._functions:
            return
        if self._validator is None:
            raise StoreError(500, "internal_server_error", "No JavaScript is there to validate with.")
        pairs = [(new, old) for _, new, old in calls]
        refusals = self._validator.validate_many(self._functions, pairs, user, security)
        for (draft, _, _), refusal in zip(calls, refusals, strict=True):
            draft.refusal = refusal

    def _against(self, new: bytes, old: bytes | None, user: dict[str, Any]) -> StoreError | None:
        try:
            for rule in self.rules:
                rule(_decode(new), _decode(old) if old else None, user)
        except StoreError as error:
            return error
        return None


def _living_designs(txn: Transaction) -> list[bytes]:
    return [render.plain(*row) for row in txn.connection.execute(_DESIGN)]
