"""A service under hostile and heavy use, as its clients see it: `python -m benchmarks.siege all`.

hang-ups   300 clients that leave in mid-stream, in three waves: slots, connections and memory afterwards
slow       10 readers at a byte a second: `/livez` beside them, and how long they are kept
floods     more connections than allowed, silent: `/livez`, and descriptors afterwards
fairness   a flood of one key at the route of each task, and the latency of another key's small requests during it
keys       keys created and revoked under load: each counts at once, and nobody else notices
privacy    texts, keys and states wherever a client can put one, on every route, looked for in log, metrics and errors
reloads    30 good and damaged checkpoints of each kind under load: all requests are answered
soak       mixed load with hang-ups for --minutes: memory after the first five

Each server is a process of its own. A row that breaks its law is marked, and ends the command with status 1.
"""
