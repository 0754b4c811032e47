"""The kill test: load both ways, `kill -9` at random moments, and what both far ends saw beside what they were told.

    schedule       what is sent when, who is slow, who refuses, what is killed when: all from one seed
    sip_end        a UDP socket with SIP transactions of the test's own
    msrp_stream    an MSRP connection of the test's own
    page_agent     the far end that speaks SIP MESSAGE
    session_agent  the far end that speaks MSRP (its conversations: talk)
    ledger         what each end saw and was told
    victim         the gateway as a process, and its PostgreSQL
    verdict        the table, and every violation with its trace
    run            one run from start to verdict; `python -m tests.kill` is its command

Nothing here uses the gateway's own parsers or state machines.
"""
