"""What Envoy refused goes back to what was good, and the object that caused it is found and held back.

On a NACK the resources of the refused response that nobody has ACKed are held: every proxy keeps their last proven
bytes. If several are left, Envoy's words may name one; else they are given back in halves until one alone is refused. That
resource's provenance says which objects made it; the ones that changed since it was last good are tried on a fork of the
database, and the one whose earlier value gives other bytes is reverted in the world. Everything else goes on, also
later edits of other objects. A new value of the reverted object is tried again; the refused bytes never are.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from translators.database import Database, QueryKey
from translators.model.origin import InputKey
from translators.model.resource import Resource
from xds_server.publisher import Publisher

TRIAL_SECONDS = 5.0
HELD_LIMIT = 4096
HISTORY_LIMIT = 65_536

KIND_ORDER = (
    "VirtualService",
    "DestinationRule",
    "ServiceEntry",
    "WorkloadEntry",
    "EndpointSlice",
    "Service",
    "Pod",
    "Namespace",
    "Node",
)
"""Which kinds are suspected first when several objects could have caused a refusal: policies before the services they shape."""


class Locator(Protocol):
    """Where an object was written; the source of the object knows."""

    def locate(self, key: InputKey, path: str = "") -> tuple[str, int] | None:
        """(file, line) of a field of an object; None when it is not known."""

    def find_values(self, key: InputKey) -> Iterator[tuple[str, str]]:
        """Every scalar of the object as it is written now, as (field path, text)."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An object that is held back. ``value`` is what was refused; ``good`` what the world has instead (None: the object is absent)."""

    key: InputKey
    value: object
    good: object | None
    resource: str
    reason: str
    path: str
    place: str
    revision: int


class RejectionObserver(Protocol):
    """Who is told of what the quarantine does."""

    def rejected(self, rejection: Rejection) -> None:
        """An object was found guilty and reverted."""

    def lifted(self, key: InputKey) -> None:
        """An object that was held back has a new value, which is tried."""

    def unattributed(self, resource: Resource, reason: str) -> None:
        """A resource is held and no object could be found that caused it."""


@dataclass(slots=True)
class _Trial:
    """Suspects that were given back together to see whether Envoy takes them."""

    suspects: tuple[Resource, ...] | tuple[InputKey, ...]
    reason: str
    deadline: float = 0.0


class Quarantine:
    """Holds, tries and attributes refused resources."""

    def __init__(
        self,
        publisher: Publisher,
        locator: Locator,
        observer: RejectionObserver,
        now: Callable[[], float],
    ) -> None:
        self.rejections: dict[InputKey, Rejection] = {}
        self._publisher = publisher
        self._locator = locator
        self._observer = observer
        self._now = now
        self._history: dict[InputKey, list[tuple[int, object | None]]] = {}
        self._waiting: deque[_Trial] = deque()
        self._trial: _Trial | None = None
        self._withdrawn: dict[InputKey, tuple[object | None, object | None, Resource]] = {}

    @property
    def is_trying(self) -> bool:
        """Whether suspects are being told apart."""
        return self._trial is not None

    def commit(self, values: Mapping[InputKey, object], removed: Collection[InputKey]) -> bool:
        """Commits edits of a source, except values that were refused before; False when nothing changed."""
        admitted = dict(values)
        lifted = False
        for key in (*values, *removed):
            self._withdrawn.pop(key, None)
            rejection = self.rejections.get(key)
            if rejection is None:
                continue
            if key in admitted and admitted[key] == rejection.value:
                del admitted[key]
                continue
            del self.rejections[key]
            lifted = True
            self._observer.lifted(key)
        before = {key: self._publisher.database.input(key) for key in (*admitted, *removed)}
        changed = self._publisher.commit(admitted, removed)
        if changed:
            self._remember(before, self._publisher.revision)
        elif lifted:
            self._publisher.touch()
        return changed or lifted

    def proven(self, resources: Iterable[Resource]) -> None:
        """Envoy took these: they are good, and so are suspects that are all among the good now."""
        unproven = self._publisher.unproven
        for resource in resources:
            unproven.pop(resource, None)
        if self._trial is not None and not any(
            resource in unproven for resource in self._under_trial(self._trial)
        ):
            self._acquit(self._trial)
            self._next()
        elif not unproven and self._trial is None:
            self._history.clear()

    def refused(self, resources: Collection[Resource], reason: str) -> None:
        """Envoy refused a response with these resources."""
        trial = self._trial
        under_trial = set(self._under_trial(trial)) if trial is not None else set()
        suspects = [resource for resource in resources if resource in under_trial]
        if trial is not None and suspects:
            self._trial = None
            if isinstance(trial.suspects[0], Resource):
                self._suspect(suspects, reason)
            else:
                self._blame(tuple(key for key in trial.suspects if isinstance(key, tuple)), reason)
            self._next()
            return
        fresh = [resource for resource in resources if resource not in self._publisher.held]
        unknown = [resource for resource in fresh if resource in self._publisher.unproven]
        if fresh:
            self._suspect(unknown or fresh, reason)
            if self._trial is None:
                self._next()

    def tick(self) -> None:
        """Goes on when nobody answered a trial in time."""
        if self._trial is not None and self._now() > self._trial.deadline:
            self._next()

    def _remember(self, before: Mapping[InputKey, object | None], revision: int) -> None:
        for key, value in before.items():
            self._history.setdefault(key, []).append((revision, value))
        while len(self._history) > HISTORY_LIMIT:
            del self._history[next(iter(self._history))]

    def _suspect(self, suspects: list[Resource], reason: str) -> None:
        named = [resource for resource in suspects if _is_named(resource, reason)]
        chosen = named or suspects
        self._publisher.hold(chosen)
        self._bound_held()
        if len(chosen) == 1:
            self._attribute(chosen[0], reason)
            return
        half = (len(chosen) + 1) // 2
        self._waiting.appendleft(_Trial(tuple(chosen[half:]), reason))
        self._waiting.appendleft(_Trial(tuple(chosen[:half]), reason))

    def _bound_held(self) -> None:
        held = self._publisher.held
        if len(held) > HELD_LIMIT:
            stale = [resource for resource in held if not self._publisher.queries(resource)]
            held.difference_update(stale)

    def _next(self) -> None:
        """Gives the next suspects back, or ends the trials."""
        self._trial = None
        while self._waiting:
            trial = self._waiting.popleft()
            trial.deadline = self._now() + TRIAL_SECONDS
            self._trial = trial
            if isinstance(trial.suspects[0], Resource):
                self._publisher.release(r for r in trial.suspects if isinstance(r, Resource))
            else:
                self._reinstate(tuple(key for key in trial.suspects if isinstance(key, tuple)))
            if any(resource in self._publisher.unproven for resource in self._under_trial(trial)):
                return
            self._acquit(trial)
            self._trial = None

    def _acquit(self, trial: _Trial) -> None:
        for suspect in trial.suspects:
            if isinstance(suspect, tuple):
                self._withdrawn.pop(suspect, None)

    def _under_trial(self, trial: _Trial) -> Iterator[Resource]:
        for suspect in trial.suspects:
            if isinstance(suspect, Resource):
                yield suspect
            elif suspect in self._withdrawn:
                resource = self._withdrawn[suspect][2]
                yield from self._publisher.current(resource.type_url, resource.name)

    def _attribute(self, resource: Resource, reason: str) -> None:
        """Finds the object that made a refused resource what it is, and reverts it."""
        for ref, good, since in self._publisher.queries(resource):
            candidates = self._effective(ref, resource, since if good is not None else None)
            named = [key for key in candidates if self._field(key, reason)]
            if good is None:
                candidates = (named or candidates)[:1]
            elif named:
                candidates = named[:1]
            if not candidates:
                continue
            for key in candidates:
                good_value = self._value_at(key, since) if good is not None else None
                refused_value = self._publisher.database.input(key)
                self._withdrawn[key] = (refused_value, good_value, resource)
            self._withdraw(candidates)
            if len(candidates) == 1:
                self._convict(candidates[0], reason)
            else:
                self._blame(tuple(candidates), reason)
            return
        self._observer.unattributed(resource, reason)

    def _effective(
        self, ref: QueryKey[Resource], refused: Resource, since: int | None
    ) -> list[InputKey]:
        """Objects whose earlier value alone would have given other bytes, the likeliest first; all that made it if it was never good."""
        database = self._publisher.database
        read = [
            ((kind, namespace, name), revision or 0)
            for (kind, namespace, name), revision in database.provenance(ref)
        ]
        if since is not None:
            read = [(key, edit) for key, edit in read if (edit or self._last_edit(key)) > since]
        read.sort(key=lambda item: (_rank(item[0]), -item[1], item[0]))
        found = []
        for key, _ in read:
            earlier = None if since is None else self._value_at(key, since)
            if database.input(key) != earlier and _outcome(database, key, earlier, ref) != refused:
                found.append(key)
                if since is None and len(found) == 4:
                    break
        return found

    def _last_edit(self, key: InputKey) -> int:
        edits = self._history.get(key)
        return edits[-1][0] if edits else 0

    def _value_at(self, key: InputKey, revision: int) -> object | None:
        """The value that the object had at a revision; what it has now when it has not changed since."""
        for edited, before in self._history.get(key, ()):
            if edited > revision:
                return before
        return self._publisher.database.input(key)

    def _blame(self, keys: tuple[InputKey, ...], reason: str) -> None:
        """Several objects could be it: all are withdrawn, and given back in halves until one alone is refused."""
        known = tuple(key for key in keys if key in self._withdrawn)
        self._withdraw(known)
        if len(known) == 1:
            self._convict(known[0], reason)
            return
        half = (len(known) + 1) // 2
        for part in (known[half:], known[:half]):
            if part:
                self._waiting.appendleft(_Trial(part, reason))

    def _withdraw(self, keys: Iterable[InputKey]) -> None:
        self._set({key: self._withdrawn[key][1] for key in keys})

    def _reinstate(self, keys: tuple[InputKey, ...]) -> None:
        self._set({key: self._withdrawn[key][0] for key in keys if key in self._withdrawn})

    def _set(self, values: Mapping[InputKey, object | None]) -> None:
        self._publisher.commit(
            {key: value for key, value in values.items() if value is not None},
            [key for key, value in values.items() if value is None],
        )

    def _convict(self, key: InputKey, reason: str) -> None:
        refused, good, resource = self._withdrawn.pop(key)
        path = self._field(key, reason) or self._new_field(key, good)
        place = self._locator.locate(key, path)
        rejection = Rejection(
            key=key,
            value=refused,
            good=good,
            resource=resource.name,
            reason=reason,
            path=path,
            place=f"{place[0]}:{place[1]}" if place is not None else "",
            revision=self._publisher.revision,
        )
        self.rejections[key] = rejection
        self._observer.rejected(rejection)

    def _field(self, key: InputKey, reason: str) -> str:
        """The path of the scalar that Envoy's words repeat the most of; empty when there is none."""
        odd = [
            word for word in reason.split() if len(word) > 2 and not word.strip(".,:;'\"").isalpha()
        ]
        best, score = "", 0
        for path, text in self._values(key):
            if len(text) > 2 and _has_word(reason, text):
                found = 1000 + len(text)
            else:
                found = max((len(word) for word in odd if word in text), default=0)
            if found > score:
                best, score = path, found
        return best

    def _new_field(self, key: InputKey, good: object | None) -> str:
        """The path of the first scalar that the good value does not have; empty when there is none."""
        known = repr(good)
        return next((path for path, text in self._values(key) if repr(text)[1:-1] not in known), "")

    def _values(self, key: InputKey) -> Iterator[tuple[str, str]]:
        for path, text in self._locator.find_values(key):
            if not path.startswith(("metadata", "apiVersion", "kind")):
                yield path, text


def _outcome(
    database: Database, key: InputKey, value: object | None, ref: QueryKey[Resource]
) -> object:
    """What a query would give if an object had another value (None: were absent); None when it would fail."""
    fork = database.fork()
    if value is None:
        fork.remove(key, fork.revision + 1)
    else:
        fork.set(key, value, fork.revision + 1)
    fork.hold(ref)
    fork.settle()
    return fork.outcome(ref)


def _rank(key: InputKey) -> int:
    return KIND_ORDER.index(key[0]) if key[0] in KIND_ORDER else len(KIND_ORDER)


def _is_named(resource: Resource, reason: str) -> bool:
    """Whether Envoy's words contain the resource's name as a whole word."""
    return _has_word(reason, resource.name.split("/", 1)[-1])


def _has_word(text: str, word: str) -> bool:
    """Whether a text has a word that is not part of a longer name."""
    return re.search(rf"(?<![\w.|-]){re.escape(word)}(?![\w.|-])", text) is not None
