"""Every kernel of every instruction-set level against the plain loop that defines it, and that loop against numpy.

Tolerances come from the arithmetic: a sum of K products in fp32, in any order, is within K/2 * eps * sum|x w| of exact
(Higham 2002, section 3.1, halved for rounding to nearest), and each of two such sums may be off that much.
"""

import math

import numpy as np
import pytest
from scipy.special import erf

from inglenook import _native
from inglenook.core.errors import UsageError

LEVELS = _native.levels()
FAST_LEVELS = [level for level in LEVELS if level != "plain"]
EPS = np.finfo(np.float32).eps
SIZES = [(1, 1, 1), (1, 32, 4), (3, 33, 7), (5, 31, 64), (12, 48, 65), (13, 64, 127), (25, 97, 130), (49, 5, 33)]


def random(*shape, seed=0, scale=1.0):
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def to_bf16(x):
    bits = x.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def plain_gelu(x):
    x = x.astype(np.float64)
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def test_levels_start_with_the_definition():
    assert LEVELS[:2] == ["plain", "portable"]


def test_unknown_level_names_the_usable_ones():
    with pytest.raises(UsageError, match=r"level 'sse9' cannot run here; this machine has plain, portable"):
        _native.kernel_gelu("sse9", random(1, 1))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("rows", "n", "k"), SIZES)
def test_fp32_linear_equals_numpy_in_double(level, rows, n, k):
    x, weight, bias = random(rows, k), random(n, k, seed=1), random(n, seed=2)

    y = _native.kernel_linear(level, "fp32", x, weight, bias, gelu=False)

    exact = x.astype(np.float64) @ weight.T.astype(np.float64) + bias
    bound = (k + 1) * EPS * (np.abs(x) @ np.abs(weight.T) + np.abs(bias))
    assert np.all(np.abs(y - exact) <= bound)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("rows", "n", "k"), SIZES)
def test_bf16_linear_rounds_inputs_to_nearest_even_and_sums_in_fp32(level, rows, n, k):
    x, weight, bias = random(rows, k), random(n, k, seed=1), random(n, seed=2)

    y = _native.kernel_linear(level, "bf16", x, weight, bias, gelu=False)

    x, weight = to_bf16(x), to_bf16(weight)
    exact = x.astype(np.float64) @ weight.T.astype(np.float64) + bias
    bound = (k + 1) * EPS * (np.abs(x) @ np.abs(weight.T) + np.abs(bias))
    assert np.all(np.abs(y - exact) <= bound)


@pytest.mark.parametrize("level", FAST_LEVELS)
@pytest.mark.parametrize(("rows", "n", "k"), [*SIZES, (14, 66, 1536)])
def test_int8_linear_forms_the_same_integers_as_the_plain_loop(level, rows, n, k):
    """The integer sums are exact at every level, so only the last scaling may round differently."""
    x, weight, bias = random(rows, k), random(n, k, seed=1), random(n, seed=2)

    y = _native.kernel_linear(level, "int8", x, weight, bias, gelu=False)

    plain = _native.kernel_linear("plain", "int8", x, weight, bias, gelu=False)
    spread = np.maximum(x.max(1), 0) - np.minimum(x.min(1), 0)
    assert np.all(np.abs(y - plain) <= 8 * EPS * (spread[:, None] * np.abs(weight).sum(1) + np.abs(bias)))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("rows", "n", "k"), SIZES)
def test_int8_linear_is_exact_to_half_a_step_of_each_factor(level, rows, n, k):
    """A weight is off by at most 1/254 of its row's largest, an input by half of a 253rd of its row's spread."""
    x, weight, bias = random(rows, k) + 1, random(n, k, seed=1), random(n, seed=2)

    y = _native.kernel_linear(level, "int8", x, weight, bias, gelu=False)

    input_step = (np.maximum(x.max(1), 0) - np.minimum(x.min(1), 0)) / 253 * 0.5001
    weight_step = np.abs(weight).max(1) / 127 * 0.5001
    bound = input_step[:, None] * np.abs(weight).sum(1) + (np.abs(x).sum(1) + k * input_step)[:, None] * weight_step
    assert np.all(np.abs(y - (x.astype(np.float64) @ weight.T + bias)) <= bound + 1e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_int8_linear_does_not_saturate_at_the_largest_values(level):
    """Inputs and weights of full size and one sign: where 16-bit steps would overflow."""
    x, weight = np.full((2, 256), 3.0, np.float32), np.full((32, 256), -2.0, np.float32)
    x[1] = -3

    y = _native.kernel_linear(level, "int8", x, weight, np.zeros(32, np.float32), gelu=False)

    assert y[0] == pytest.approx(np.full(32, -6.0 * 256), rel=1e-6)
    assert y[1] == pytest.approx(np.full(32, 6.0 * 256), rel=1e-6)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_a_row_of_a_product_does_not_depend_on_its_batch(level, precision):
    x, weight, bias = random(29, 70), random(40, 70, seed=1), random(40, seed=2)

    together = _native.kernel_linear(level, precision, x, weight, bias, gelu=True)

    for row in range(len(x)):
        alone = _native.kernel_linear(level, precision, x[row : row + 1], weight, bias, gelu=True)
        assert np.array_equal(alone[0], together[row])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_a_row_of_zeros_gives_the_bias(level, precision):
    bias = random(9)

    y = _native.kernel_linear(level, precision, np.zeros((2, 6), np.float32), random(9, 6), bias, gelu=False)

    assert np.array_equal(y, np.stack([bias, bias]))


@pytest.mark.parametrize("level", LEVELS)
def test_gelu_stays_within_the_error_of_its_fit(level):
    """7.6e-6 for |x| <= 4.5 and 5.1e-6 |x| beyond, as kernels/gelu.hpp states."""
    x = np.concatenate([np.linspace(-12, 12, 40_001), [0, -0.0, 1e-30, 60, -60]]).astype(np.float32)[None]

    y = _native.kernel_gelu(level, x)

    error = np.abs(y - plain_gelu(x))
    assert error[np.abs(x) <= 4.5].max() <= 7.7e-6
    assert np.all(error[np.abs(x) > 4.5] <= 5.1e-6 * np.abs(x[np.abs(x) > 4.5]))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("width", [1, 3, 16, 31, 100, 384])
@pytest.mark.parametrize("with_sum", [False, True])
def test_layer_norm_equals_numpy_in_double(level, width, with_sum):
    a, b = random(5, width), random(5, width, seed=3) if with_sum else np.zeros((0, 0), np.float32)
    weight, bias = random(width, seed=1), random(width, seed=2)

    y = _native.kernel_layer_norm(level, a, b, weight, bias, 1e-5)

    x = a.astype(np.float64) + (b if with_sum else 0)
    spread = np.sqrt(x.var(1, keepdims=True) + 1e-5)
    exact = (x - x.mean(1, keepdims=True)) / spread * weight + bias
    # The mean is off by up to width * eps * max|x|, the spread likewise in relation; both are divided by the spread.
    bound = 2 * (width + 8) * EPS * (np.abs(x).max(1, keepdims=True) / spread + 1) * (np.abs(weight) + 1) + EPS
    assert np.all(np.abs(y - exact) <= bound)


def softmax_attention(q, k, v, scale):
    scores = scale * (q.astype(np.float64) @ k.T.astype(np.float64))
    weights = np.exp(scores - scores.max(1, keepdims=True))
    return (weights / weights.sum(1, keepdims=True)) @ v


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("tokens", "size"), [(1, 8), (2, 32), (13, 32), (33, 64), (100, 20), (257, 32), (600, 16), (40, 7)]
)
def test_attention_equals_numpy_in_double(level, tokens, size):
    q, k, v = (random(tokens, size, seed=seed) for seed in range(3))
    scale = 1 / math.sqrt(size)

    y = _native.kernel_attention(level, q, k, v, scale, reduced=False)

    # A score is off by (size + 1) eps sum|qk|, a weight by that and exp's 3e-7, an average by both and its own sum.
    score_error = ((size + 4) * EPS * scale * (np.abs(q) @ np.abs(k.T))).max() + 3e-7
    bound = (2 * score_error + (tokens + 2) * EPS) * np.abs(v).max()
    assert np.abs(y - softmax_attention(q, k, v, scale)).max() <= bound


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("tokens", "size"), [(5, 32), (50, 32), (300, 24), (18, 7)])
def test_reduced_attention_is_exact_to_bf16_rounding(level, tokens, size):
    q, k, v = (random(tokens, size, seed=seed) for seed in range(3))
    scale = 1 / math.sqrt(size)

    y = _native.kernel_attention(level, q, k, v, scale, reduced=True)

    # Rounding to bf16 is off by 2^-9 of each factor: two in a score, two in an average.
    unit = 2.0**-9
    score_error = (2 * unit * scale * (np.abs(q) @ np.abs(k.T))).max()
    bound = (2 * score_error + 2.1 * unit) * np.abs(v).max()
    assert np.abs(y - softmax_attention(q, k, v, scale)).max() <= bound


@pytest.mark.parametrize("level", LEVELS)
def test_attention_survives_scores_of_any_size(level):
    """Scores of +-10^4 overflow exp unless the running maximum is taken off first; the largest then takes all."""
    q, k, v = random(300, 16, scale=300), random(300, 16, seed=1, scale=300), random(300, 16, seed=2)

    y = _native.kernel_attention(level, q, k, v, 1.0, reduced=False)

    assert np.abs(y - softmax_attention(q, k, v, 1.0)).max() < 0.05


def test_a_wrong_dtype_is_an_error_and_not_a_conversion():
    with pytest.raises(TypeError):
        _native.kernel_gelu("plain", np.zeros((1, 4)))


def test_a_transposed_array_is_an_error_and_not_a_copy():
    with pytest.raises(TypeError):
        _native.kernel_gelu("plain", random(3, 4).T)
