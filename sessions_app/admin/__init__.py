"""The admin: records to look at, routes and peers to edit. Importing this registers all of it."""

from sessions_app.admin import accounts, failures, history, messages, nodes, oversight, rules, sessions

__all__ = ["accounts", "failures", "history", "messages", "nodes", "oversight", "rules", "sessions"]
