"""Why nothing runs on this machine.

LocalError
├── NetworkError    no addresses are to be had
└── GuardDied       the process that starts the others is gone
"""


class LocalError(Exception):
    """The message says what is wrong, and what to do."""


class NetworkError(LocalError):
    """No addresses are to be had."""


class GuardDied(LocalError):
    """The process that starts the others is gone, and they with it."""
