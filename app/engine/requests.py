"""Which requests had the engine to themselves."""

from collections import Counter

from app.engine.ticket import Ticket


class Requests:
    """The requests that the engine has, from submission to their end; a ticket that meets another one is not alone.

    The tickets of one request, by its id, do not count as others: a request with several prompts has several. Without
    an id each ticket is a request. Not for several threads at once.
    """

    def __init__(self) -> None:
        self._present: Counter[str] = Counter()
        self._alone: set[Ticket] = set()

    def is_alone(self, ticket: Ticket) -> bool:
        """Whether a ticket that begins now would be alone."""
        return not self._present.keys() - {_key(ticket)}

    def begin(self, ticket: Ticket) -> None:
        ticket.alone = self.is_alone(ticket)
        if ticket.alone:
            self._alone.add(ticket)
        else:
            for other in self._alone:
                other.alone = False
            self._alone.clear()
        self._present[_key(ticket)] += 1

    def end(self, ticket: Ticket) -> None:
        """It has ended, or was refused after all."""
        key = _key(ticket)
        self._present[key] -= 1
        if not self._present[key]:
            del self._present[key]
        self._alone.discard(ticket)


def _key(ticket: Ticket) -> str:
    return ticket.request_id or f"ticket {id(ticket)}"
