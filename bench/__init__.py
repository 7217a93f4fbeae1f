"""Parts of `scripts/bench`.

mocks        the mocks and the requests, the same for every server
process      a server's processes: start, CPU time, memory, end
server       the interface of a server: install, start with mocks, ready
echo         Echo, and the creation of mocks over its API
baselines    bare hyper and nginx, the reference servers
competitors  other mock servers, each with its settings and their reasons
tools        pinned versions, and their installation
load         one run of wrk
plan         the runs and their order
measured     the measurements; medians, ratios and spreads
goals        the goals of the project, computed from the measurements
performance  the page of all servers
matching     the measurement of matching: runs, goals and page
tables       the tables of the pages
report       a page as text
machine      the machine of the measurement
"""
