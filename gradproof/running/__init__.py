"""Where it runs: each run in a process of its own, so that whatever it does, the verification goes on.

In comes what is asked for (scenarios, backends, dtypes), out come outcomes, and reasons for runs that gave
none, as they are done.

In the order of reading: `planning` (which runs there are), `task` (what one run is), `slate` (what a run left
changed), `executing` (tasks on an executor, and how they may end), `isolated` (the executor that gradproof
starts), `worker_process` (a fresh process, seen from outside), `worker` (what happens inside), `limits` (what
a run may take there) and `pickling` (how a run gets there). `own_runs` makes runs on this machine;
`foreign_runs` on an executor of the user's (`cluster` gives dask's), each of whose workers is lent processes
by `lending` and sent the `user_modules`. `splitting` says which runs are in which part of a verification.
"""
