"""A channel's refusal, for what needs no more of deliveries: record_job starts sooner without them."""


class NotSent(Exception):
    """A channel did not take it. `reason` is the channel's own word, `passes` whether it may well take it later without
    anybody doing anything, `after` how many seconds it asks to wait. Where `is_unsure`, it may have taken it all the
    same: no answer came. No secret is in its text."""

    def __init__(self, reason: str, *, passes: bool, after: int | None = None, is_unsure: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.passes, self.after, self.is_unsure = reason, passes, after, is_unsure
