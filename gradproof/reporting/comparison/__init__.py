"""What changed from one report to another.

Two reports come in, a `Changes` goes out. `joining` joins their findings, which gives the verdicts and the
errors that changed; `run_changes` compares the bits and the times of the runs that both have; `surroundings`
the environment and the scenarios, which explain other bits. `changes` holds it all as frames and says it in
words. Nothing is decided here but which change is for the worse. Read `joining` first.
"""
