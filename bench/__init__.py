"""Benchmarks: Farebox beside other proxies, in one interleaved run, as ratios.

`make bench` compares what is installed: a bare starlette+httpx pass-through and a bare
pass-through over our own client always; nginx, haproxy, Envoy and Caddy where they are found.
CPU of a proxy's whole process tree per call is the main figure: it survives a busy neighbour.
"""
