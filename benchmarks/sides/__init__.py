"""One module per side, each with `prepare`, `once` and, where batches can be given, `check`.

prepare(job, seeds, variant) → first_call_s, probe_us (per step, of a short second call), parameters,
versions. once(epochs) → seconds of one training of all networks (nothing compiled in it), and start_up_s
where the library has one. check() → each network's mean loss in the second epoch, that is after one epoch.
"""
