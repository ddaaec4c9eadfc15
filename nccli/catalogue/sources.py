"""Papers that several metrics come from, as docstrings cite them."""

SUKENIK = "Súkeník et al. 2024, section 6"
PAPYAN = "Papyan, Han and Donoho 2020"
ROY = "Roy and Vetterli 2007"
RUDELSON = "Rudelson and Vershynin 2007"
GARROD = "Garrod and Keating 2025"
WU = "Wu and Papyan 2024"
FANG = "Fang et al. 2021, minority collapse"
