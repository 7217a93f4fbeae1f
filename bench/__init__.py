"""What `scripts/bench` is made of.

mocks     the mocks and the requests, the same for every server
process   a server's processes: start, CPU time, memory, end
server    what a server is to the benchmark: installed, started with mocks, ready
echo      Echo, and the creation of mocks over its API
rulers    bare hyper and nginx: what Echo is held against
peers     the mock servers that people use, each with its settings and the reason for them
tools     the pinned versions, and how they are installed
load      one run of wrk
plan      which runs, in which order, and what was measured
figures   medians, ratios and spreads
goals     the goals of the project, computed from what was measured
report    the tables, and docs/performance.md
machine   what the figures were measured on
"""
