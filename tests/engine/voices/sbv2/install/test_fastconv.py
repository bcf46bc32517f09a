import numpy as np
import pytest

from hayakoe_engine.voices.sbv2.install.fastconv import POINTS, transforms


def correlate(w, x):
    return np.array([w @ x[i : i + len(w)] for i in range(len(x) - len(w) + 1)])


@pytest.mark.parametrize(("tile", "kernel"), POINTS)
def test_a_tile_is_what_the_convolution_gives(tile, kernel):
    rng = np.random.default_rng(kernel)
    matrices = transforms(tile, kernel)
    for _ in range(5):
        w, x = rng.standard_normal(kernel), rng.standard_normal(tile + kernel - 1)
        y = matrices.output @ ((matrices.kernel @ w) * (matrices.input @ x))
        assert y == pytest.approx(correlate(w, x), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize(("tile", "kernel"), POINTS)
def test_there_are_fewer_products(tile, kernel):
    assert transforms(tile, kernel).products <= 0.6 * tile * kernel


@pytest.mark.parametrize(("tile", "kernel"), POINTS)
def test_single_precision_is_enough(tile, kernel):
    rng = np.random.default_rng(kernel)
    matrices = transforms(tile, kernel)
    channels, tiles = 64, 50
    w = rng.standard_normal((channels, channels, kernel), np.float32)
    x = rng.standard_normal((channels, tiles, tile + kernel - 1), np.float32)
    factors = np.einsum("pl,cjl->pjc", matrices.input.astype(np.float32), x)
    products = factors @ matrices.of_weights(w)
    y = np.einsum("ip,pjo->oji", matrices.output.astype(np.float32), products)
    exact = np.zeros(y.shape)
    for place in range(kernel):
        exact += np.tensordot(w[..., place].astype(np.float64), x[..., place : place + tile], 1)
    assert np.linalg.norm(y - exact) < 1e-5 * np.linalg.norm(exact)
