"""`carousel-train ladder`: every rung from counting words to the LSTM, made of one text and measured the same way.

rungs.py      what is made, and how
pairs.py      sentences that differ in their order alone
questions.py  the five questions, as measurements
report.py     the answers: Markdown, JSON and a PNG
"""
