"""Files in which there is nothing any more: said before what follows from it, which may surprise."""

from collections.abc import Iterable

from reconciler.manifests import Text


class Emptied:
    """Files that had something in them."""

    def __init__(self) -> None:
        self._full: frozenset[str] = frozenset()

    def notices(self, texts: Iterable[Text] | None) -> list[str]:
        """What is to be said of what is in the files now; nothing if they are as they were, `None`."""
        if texts is None:
            return []
        seen = list(texts)
        emptied = [text for text in seen if text.place in self._full and not (text.content.strip() or text.error)]
        unknown = {text.place for text in seen if text.error} & self._full
        self._full = frozenset(text.place for text in seen if text.content.strip()) | unknown
        return [f"{text.place} is {'gone' if text.is_missing else 'empty'}." for text in emptied]
