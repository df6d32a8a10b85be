"""A Farebox to look at: a made-up upstream, three teams, a minute of traffic. Spends nothing."""
