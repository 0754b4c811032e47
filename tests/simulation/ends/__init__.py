"""Who is around the gateway: page user agents, MSRP user agents, their hostile brothers, strangers."""
