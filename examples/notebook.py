# %% [markdown]
# A sweep, a frame and a plot from Python: paste the cells into a notebook, or `python examples/notebook.py`.
# Needs `pip install 'nccli[notebook]'`; QUICK=1 takes fewer steps.

# %%
import os

from matplotlib.figure import Figure

import nccli

QUICK = bool(os.environ.get("QUICK"))

# %% The options of `nccli train-dufm`; what is stored already is returned at once.
sweep = {"K": 4 if QUICK else 10, "L": 4, "wd": [1e-3, 2e-3, 4e-3], "seed": range(2 if QUICK else 4)}
records = nccli.train_dufm(**sweep, n=1, width=16, steps=100 if QUICK else 200_000, quiet=True)
print(f"{len(records)} runs, loss {min(record['loss'] for record in records):.4f} at least")

# %% The same runs as tables.
runs = nccli.frame(runs=records)
print(runs.groupby("wd")[["loss", "ratio_dnc", "mean_hidden_rank"]].mean())
print("loss:", runs.attrs["descriptions"]["loss"])

# %% A row a singular value: the spectrum of M_3, mean over seeds.
spectra = nccli.frame("kind=dufm", "spectra", runs=records, columns=["wd", "layer", "stage", "index", "value"])
third = spectra[(spectra.layer == 3) & (spectra.stage == "post")]
means = third.groupby(["index", "wd"]).value.mean().unstack()

figure = Figure(layout="constrained")
axes = figure.subplots()
for marker, (wd, values) in zip("osD^", means.items(), strict=False):
    axes.semilogy(means.index, values, marker=marker, label=f"λ = {wd:g}")
axes.set(xlabel="index", ylabel="singular value of M_3")
axes.legend()
figure.savefig("spectra.png")

# %% SRG and DNC in closed form beside it.
for row in nccli.compare(theory=True, K=sweep["K"], L=4, wd=sweep["wd"], n=1):
    print(f"λ = {row['wd']:g}: loss of SRG over DNC {row['ratio']:.3f}")
