"""From a finding to a certainty: does it happen again, where, with how little input, and since which build.

All of it is asked of the farm itself, as jobs: each has an id that follows from what it does, so that asking the same
twice runs nothing twice, and whoever is interrupted goes on where he was.
"""
