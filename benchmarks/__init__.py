"""Carousel measured beside other ways to serve the same models: one server at a time, same requests, same machine.

command.py      the command `carousel bench`, or `python -m benchmarks`
measure.py      all measurements of a workload, each in fresh processes
arms.py         the servers that are compared; rivals/ holds those that are not Carousel
process.py      a server in its own process: started, monitored, stopped
workloads.py    the requests; texts.py has their words
load.py         the load generator, a process too; client.py is one connection, records.py what is recorded
summary.py      from records to numbers; report.py, table.py and plot.py show them; machine.py is what they ran on
scripts/        single measurements: the HTTP shell, next words in the engine, the playground, the trainer
"""
