"""The service measured beside other ways to serve the same models: one server at a time, same requests, same machine.

command.py      what the `bench` command does
arms.py         the servers that are compared, and how each is started
  tutorial.py searches.py reference.py    A: a request at a time, on the float32 modules
  peer.py                                 B: LitServe with its request batching, on the same modules
  transformer.py transformer_model.py lengths.py    T: a Transformer under CTranslate2
servers.py      a server in a process of its own: ready, watched, stopped
load.py         the clients, in another process; client.py is one connection, records.py what they write down
workloads.py    what they ask; texts.py has the words
measure.py      one server under one load
summary.py      from records to numbers; report.py, table.py and plot.py show them
"""
