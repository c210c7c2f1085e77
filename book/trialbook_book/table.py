"""A table's items in memory, by key and by index, each partition in the order of its sort key."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

from trialbook_book.conditions import Condition, Term, UnknownCondition, comparable

Item = dict[str, dict[str, Any]]
Keys = Sequence[str]  # the name of a partition key and, where there is one, that of a sort key
Key = tuple[Any, ...]  # an item's key in the table, as Python compares it
Place = tuple[Any, ...]  # what sorts an item within a partition: its sort key there, then its key in the table
_sort_key = itemgetter(0)


class Partition:
    """The places of the items that have one partition key, in order."""

    __slots__ = ("_is_in_order", "_places")

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._is_in_order = False  # until somebody asks: what is loaded at once is sorted once

    def __len__(self) -> int:
        return len(self._places)

    def add(self, place: Place) -> None:
        """Adds a place that is not there."""
        if self._is_in_order:
            insort(self._places, place)
        else:
            self._places.append(place)

    def remove(self, place: Place) -> None:
        """Removes a place that is there."""
        places = self.places()
        del places[bisect_left(places, place)]

    def places(self) -> list[Place]:
        """All places."""
        if not self._is_in_order:
            self._places.sort()
            self._is_in_order = True
        return self._places

    def first(self, sort_key: Any) -> int:
        """How many places stand before the first one with this sort key or a greater one."""
        return bisect_left(self.places(), (sort_key,))

    def behind(self, sort_key: Any) -> int:
        """How many places stand before the first one with a greater sort key."""
        return bisect_right(self.places(), sort_key, key=_sort_key)

    def behind_those_that_begin(self, start: Any) -> int:
        """How many places stand before the first one whose sort key is greater and does not begin so."""
        return bisect_right(self.places(), start, key=lambda place: place[0][: len(start)])

    def where(self, term: Term | None, condition: Condition) -> tuple[int, int]:
        """How many places stand before those whose sort key meets a term of the condition, and how many with them."""
        if term is None:
            return 0, len(self)
        values = [comparable(condition.value(each)) for each in term.operands[1:]]
        match term.operator:
            case "=":
                return self.first(values[0]), self.behind(values[0])
            case "<":
                return 0, self.first(values[0])
            case "<=":
                return 0, self.behind(values[0])
            case ">":
                return self.behind(values[0]), len(self)
            case ">=":
                return self.first(values[0]), len(self)
            case "BETWEEN":
                return self.first(values[0]), self.behind(values[1])
            case "begins_with":
                return self.first(values[0]), self.behind_those_that_begin(values[0])
        raise UnknownCondition(f"a sort key has no {term.operator}")

    def between(self, first: int, end: int, after: Place | None, *, forward: bool) -> Iterator[Place]:
        """The places from one count to another, in order or backwards, but for those up to `after`."""
        places = self.places()
        if forward:
            start = first if after is None else max(first, bisect_right(places, after))
            return islice(places, start, end)
        last = end if after is None else min(end, bisect_left(places, after))
        return (places[at] for at in range(last - 1, first - 1, -1))


class Indexed:
    """Items by the table's key, and by those of each index. `keys` names the keys by index, the table's under None."""

    def __init__(self, keys: Mapping[str | None, Keys]) -> None:
        self.items: dict[Key, Item] = {}
        self._keys = keys
        self._by: dict[tuple[str | None, Any], Partition] = {}

    def put(self, item: Item) -> Item | None:
        """Puts an item in the place of the one that has its key, which it returns."""
        key = self.key(item)
        old = self.items.get(key)
        for index in self._keys:
            before = None if old is None else self._where(index, old, key)
            after = self._where(index, item, key)
            if before != after:
                self._move(index, before, after)
        self.items[key] = item
        return old

    def delete(self, key: Key) -> Item | None:
        """Removes the item that has the key, and returns it."""
        old = self.items.pop(key, None)
        if old is not None:
            for index in self._keys:
                self._move(index, self._where(index, old, key), None)
        return old

    def key(self, item: Mapping[str, Any]) -> Key:
        """The key of an item in the table."""
        return tuple(comparable(item[name]) for name in self._keys[None])

    def place(self, index: str | None, item: Mapping[str, Any]) -> Place:
        """Where an item is in its partition. In an index several items may have the same sort key."""
        found = self._where(index, item, self.key(item))
        if found is None:
            raise KeyError(index)
        return found[1]

    def partition(self, index: str | None, partition: Any) -> Partition:
        """A partition; an empty one if there is none."""
        return self._by.get((index, partition)) or Partition()

    def query(
        self, index: str | None, condition: Condition, *, after: Mapping[str, Any] | None = None, forward: bool = True
    ) -> Iterator[Item]:
        """The items whose keys in the index meet a condition on them, in order or backwards, beyond `after`."""
        terms = key_terms(condition)
        partition_name, *sort_name = self._keys[index]
        partition = self.partition(index, comparable(condition.value(terms[partition_name].operands[1])))
        first, end = partition.where(terms.get(sort_name[0]) if sort_name else None, condition)
        start = None if after is None else self.place(index, after)
        for place in partition.between(first, end, start, forward=forward):
            yield self.items[place[1:]]

    def _where(self, index: str | None, item: Mapping[str, Any], key: Key) -> tuple[Any, Place] | None:
        """Partition key and place; None where the item lacks a key of the index, and so does not stand in it."""
        names = self._keys[index]
        if not all(name in item for name in names):
            return None
        partition, *sort = (comparable(item[name]) for name in names)
        return partition, (*(sort or (None,)), *key)

    def _move(self, index: str | None, before: tuple[Any, Place] | None, after: tuple[Any, Place] | None) -> None:
        if before is not None:
            partition = self._by[index, before[0]]
            partition.remove(before[1])
            if not partition:
                del self._by[index, before[0]]
        if after is not None:
            self._by.setdefault((index, after[0]), Partition()).add(after[1])


def key_terms(condition: Condition) -> dict[str, Term]:
    """The terms of a key condition by the attribute that each is about."""
    term = condition.term
    if term is None:
        return {}
    return {condition.name(each.operands[0]): each for each in (term.terms if term.operator == "AND" else (term,))}
