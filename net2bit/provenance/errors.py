"""The fault of a document that nobody may rely on; it costs a rebuild, never a build."""


class Untrusted(Exception):  # noqa: N818 - a verdict, told in a notice; no mistake of the user's
    """A statement or its envelope does not hold.

    Attributes:
        reason: Why, in a few words that fit behind a colon.
    """

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason
