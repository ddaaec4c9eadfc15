"""The figures: a module names its own `PLOTS`. A new one is a module here and a line of `nccli.catalogue.figures`."""
