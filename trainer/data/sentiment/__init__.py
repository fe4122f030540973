"""Examples for classifiers of opinions: negation, emoji, and text without an opinion.

Made by rule from the TOML files beside this one; part of them is held back for measuring.
"""
