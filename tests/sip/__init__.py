"""The SIP codec and stack, behaviour by behaviour."""
