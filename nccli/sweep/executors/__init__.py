"""Where jobs are carried out: one file an executor, all behind `nccli.sweep.executors.executor.Executor`."""
