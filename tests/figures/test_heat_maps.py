"""Heat maps show the stored matrices, in an order in which their structure shows."""

import numpy as np
import pytest
from sqlalchemy import Connection

from nccli.figures import Options
from nccli.figures.plots.heat_maps import ALIKE, BY_STRUCTURE, HeatMaps
from nccli.store import Selection, parse_where, select_matrix
from tests.figures.conftest import ids
from tests.figures.drawing import STORE_FIGURES


@pytest.mark.parametrize(("name", "matrix"), [("gram", "gram"), ("class-means", "class_means")])
def test_heat_maps_show_the_stored_matrices_permuted_or_raw(connection: Connection, name: str, matrix: str) -> None:
    srg = Selection(where=parse_where("kind=srg"))
    (key,) = ids(connection, srg)
    stored = select_matrix(connection, key, 3, "post", matrix)
    for raw in (True, False):
        rows = STORE_FIGURES[name].collect(connection, srg, Options(raw=raw)).of(matrix, layer=3)
        shown = np.zeros((1 + max(r["row"] for r in rows), 1 + max(r["column"] for r in rows)))
        for row in rows:
            shown[row["row"], row["column"]] = row["value"]
        assert {row["structure"] for row in rows} == {"srg t(4)"}
        if raw:
            assert np.array_equal(shown, stored)
        else:
            assert shown.sum() == pytest.approx(stored.sum())


def test_the_gram_of_srg_appears_as_the_line_graph_of_the_complete_graph(connection: Connection) -> None:
    srg = Selection(where=parse_where("kind=srg"))
    rows = STORE_FIGURES["gram"].collect(connection, srg, Options()).of("gram", layer=3)
    largest = max(row["value"] for row in rows)
    edges = [(u, v) for u in range(4) for v in range(u + 1, 4)]
    for row in rows:
        shared = len({*edges[row["row"]]} & {*edges[row["column"]]})
        assert row["value"] / largest == pytest.approx(shared / 2, abs=1e-9)


def test_an_exact_srg_is_called_exact(connection: Connection) -> None:
    drawn = STORE_FIGURES["gram"].collect(connection, Selection(where=parse_where("kind=srg")), Options())
    assert ", exact, " in drawn.caption
    assert "blocks" not in drawn.caption


def test_the_order_of_classes_is_named_for_what_it_is() -> None:
    means, gram = (STORE_FIGURES[name] for name in ("class-means", "gram"))
    assert isinstance(means, HeatMaps)
    assert isinstance(gram, HeatMaps)
    assert means.order_words({BY_STRUCTURE}, raw=True) == ["classes and neurons as stored"]
    assert gram.order_words({BY_STRUCTURE}, raw=False) == ["classes in the order of the structure"]
    assert gram.order_words({ALIKE}, raw=False)[0].startswith("no structure in the hidden layers")
    assert "alike ones side by side where there is none" in means.order_words({BY_STRUCTURE, ALIKE}, raw=False)[0]


def test_rows_before_and_after_the_last_activation_are_the_same_neurons(connection: Connection) -> None:
    drawn = STORE_FIGURES["class-means"].collect(connection, Selection(where=parse_where("kind=srg")), Options())
    pre, post = (
        [row["neuron"] for row in drawn.of("class_means", layer=4, stage=s, column=0)] for s in ("pre", "post")
    )
    assert len(post) == 6
    assert pre[: len(post)] == post
