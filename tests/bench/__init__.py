"""What the daemon costs, each figure beside its floor in the same run: `make bench`.

stage       a real API server with fake nodes, and the daemon beside it
trail       when each write arrived, from the API server's audit log: measuring adds no load
process     what a process used, from /proc
fill        rows a, b and c: clusters come up
quiet       rows d, e and f: nothing to do beside 10,000 Pods
latency     row g: one create or one edit beside 10,000 Pods
growth      row h: 100 to 5,000 clusters on the API in memory
table       the rows as Markdown, with machine and versions
picture     row h as SVG
"""
