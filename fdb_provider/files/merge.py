"""Several changes told as few."""

from __future__ import annotations

from fdb_provider.files.feed import Change, ChangeType


class Merged:
    """The changes of consecutive commits, one for each path; nothing is told of what a deletion includes.

    A client that looks at the paths that were added or updated, and forgets those that were deleted, has then
    the same picture as with every single change, whatever it has seen of the tree meanwhile. It is because of
    the latter that of a file that came and went the deletion remains: a listing may have shown it.

    A path has its place by its last change, so that what came back lies behind the deletion of its folder.
    """

    def __init__(self) -> None:
        self._changes: dict[str, tuple[bool, ChangeType]] = {}

    def __len__(self) -> int:
        """How many paths there are."""
        return len(self._changes)

    def add(self, change: Change) -> None:
        """Takes the next change."""
        earlier = self._changes.pop(change.path, None)
        is_new = change.type == ChangeType.ADDED if earlier is None else earlier[0]
        self._changes[change.path] = is_new, change.type

    def take(self) -> list[Change]:
        """What is to be told; nothing is left."""
        changes = self._changes
        self._changes = {}
        included = _included(changes) if len(changes) > 1 else set()
        return [
            Change(_told(is_new, last), path)
            for path, (is_new, last) in changes.items()
            if path not in included
        ]


def _told(is_new: bool, last: ChangeType) -> ChangeType:
    if last == ChangeType.DELETED:
        return last
    return ChangeType.ADDED if is_new else ChangeType.UPDATED


def _included(changes: dict[str, tuple[bool, ChangeType]]) -> set[str]:
    """The paths below one that was deleted after their last change."""
    found: set[str] = set()
    # NUL is in no name and before all else, so what is below a folder comes right behind it.
    order = sorted((path.replace("/", "\0"), at, path) for at, path in enumerate(changes))
    # The deleted folders above, each with the place of the last one of them down to it.
    above: list[tuple[str, int]] = []
    for key, at, path in order:
        while above and not key.startswith(above[-1][0]):
            above.pop()
        last = above[-1][1] if above else -1
        if last > at:
            found.add(path)
        elif changes[path][1] == ChangeType.DELETED:
            above.append((key + "\0", at))
    return found
