"""`carousel-train ladder`: every rung from counting words to the LSTM, trained on one text and measured the same way.

rungs.py     the models and their settings
ladder.py    the data files, and the training of the rungs
sentences.py sentences of frequent words alone
pairs.py     pairs of sentences that differ only in word order
measures.py  single measurements
figures.py   all of them for all rungs: the content of ladder.json
report.py    the report: Markdown from report.md, JSON and a PNG
"""
