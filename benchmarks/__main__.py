"""`python -m benchmarks`: the same as `carousel bench`."""

from benchmarks.command import main

main()
