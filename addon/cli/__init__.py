"""The command line: one module a command, joined in ``app``. Nothing else imports it."""
