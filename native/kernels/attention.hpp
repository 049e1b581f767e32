// Attention of one head over one sequence, unmasked: every token sees every token.
//
// The vector form lays k and v out as panels of the tile in linear.hpp, then takes kRows queries at a time over blocks of
// kKeys keys with a running maximum and sum (Milakov and Gimelshein 2018; Dao et al. 2022), so that scratch does not grow
// with the square of the length.
#pragma once

#include "linear.hpp"

namespace inglenook {
namespace {

#if defined(INGLENOOK_PLAIN)

size_t attention_scratch(size_t tokens, size_t) { return tokens; }

void attention(const float* q, const float* k, const float* v, const AttentionShape& shape, bool reduced, float* scores, float* out) {
  const size_t tokens = shape.tokens, size = shape.head_size;
  const auto held = [reduced](float x) { return reduced ? round_to_bf16(x) : x; };
  for (size_t i = 0; i < tokens; ++i) {
    float top = -__builtin_inff(), total = 0;
    for (size_t j = 0; j < tokens; ++j) {
      scores[j] = 0;
      for (size_t d = 0; d < size; ++d) scores[j] += held(q[i * shape.stride + d] * shape.scale) * held(k[j * shape.stride + d]);
      top = scores[j] > top ? scores[j] : top;
    }
    for (size_t j = 0; j < tokens; ++j) total += scores[j] = __builtin_expf(scores[j] - top);
    for (size_t d = 0; d < size; ++d) {
      float y = 0;
      for (size_t j = 0; j < tokens; ++j) y += held(scores[j]) * held(v[j * shape.stride + d]);
      out[i * shape.out_stride + d] = y / total;
    }
  }
}

#else

constexpr size_t kKeys = 256;   // keys per block: scores of kRows queries stay in the first-level cache

INLINE size_t round_up(size_t x, size_t to) { return (x + to - 1) / to * to; }

// Where the pieces of one call lie in scratch. Items are fp32 or bf16; bf16 uses half of each piece.
struct AttentionScratch {
  float* keys;     // panels over keys, (T / kPanel, D / group, kPanel, group)
  float* values;   // panels over head dimensions, (D / kPanel, T / group, kPanel, group)
  float* query;    // (kRows, D), scaled; and room for the last vector
  float* scores;   // (kRows, kKeys)
  float* weights;  // (kRows, kKeys): exp(score - maximum) as items
  float* sums;     // (kRows, D padded to kPanel): the output before division
  size_t total = 0;   // floats of all of them

  // With a null `at`, only counts.
  AttentionScratch(float* at, size_t tokens, size_t size) {
    const size_t keys_n = round_up(tokens, kPanel), padded = round_up(size, kPanel), depth = round_up(size, 2);
    const auto take = [&](size_t count) {
      float* piece = at ? at + total : nullptr;
      total += count;
      return piece;
    };
    keys = take(keys_n * depth);
    values = take(keys_n * padded);
    query = take(kRows * depth + kLanes);
    scores = take(kRows * kKeys);
    weights = take(kRows * kKeys);
    sums = take(kRows * padded);
  }
};

size_t attention_scratch(size_t tokens, size_t head_size) { return AttentionScratch(nullptr, tokens, head_size).total; }

// kLanes consecutive items of a row, starting at item `first`; zeros beyond its `size` dimensions.
template <class Format>
INLINE U load_items(const float* row, size_t first, size_t size) {
  const size_t at = first * Format::kGroup, left = size > at ? size - at : 0;
  if constexpr (Format::kGroup == 1) return (U)load_part(row + at, left);
  else return bf16_neighbours(load_part(row + at, left), left > kLanes ? load_part(row + at + kLanes, left - kLanes) : F{}, Lanes{});
}

// keys[panel][d][column]: a transposition of 4-byte items (two dimensions in bf16), by squares.
template <class Format>
void pack_keys(const float* k, const AttentionShape& shape, float* keys) {
  const size_t groups = (shape.head_size + Format::kGroup - 1) / Format::kGroup, keys_n = round_up(shape.tokens, kPanel);
  for (size_t key = 0; key < keys_n; key += kLanes)
    for (size_t first = 0; first < groups; first += kLanes) {
      U square[kLanes];
#pragma GCC unroll 16
      for (size_t r = 0; r < kLanes; ++r)
        square[r] = key + r < shape.tokens ? load_items<Format>(k + (key + r) * shape.stride, first, shape.head_size) : U{};
      transpose(square);
      float* at = keys + key / kPanel * kPanel * groups + key % kPanel + first * kPanel;
#pragma GCC unroll 16
      for (size_t g = 0; g < kLanes; ++g)
        if (first + g < groups) store(at + g * kPanel, square[g]);
    }
}

// values[panel][key][column]
template <class Format>
void pack_values(const float* v, const AttentionShape& shape, float* values) {
  const size_t keys_n = round_up(shape.tokens, kPanel), size = shape.head_size, group = Format::kGroup;
  for (size_t column = 0; column < size; column += kPanel)
    for (size_t key = 0; key < keys_n; key += group, values += kPanel)
#pragma GCC unroll 4
      for (size_t c = 0; c < kPanel; c += kLanes) {
        F rows[2] = {};
        for (size_t j = 0; j < group; ++j)
          if (key + j < shape.tokens && column + c < size) rows[j] = load_part(v + (key + j) * shape.stride + column + c, size - column - c);
        if constexpr (Format::kGroup == 1) store(values + c, rows[0]);
        else store(values + c, bf16_pairs(rows[0], rows[1]));
      }
}

template <class Format>
INLINE void store_item(float* row, size_t index, F values) {
  if constexpr (Format::kGroup == 1) {
    store(row + index, values);
  } else {
#if defined(__AVX512BF16__)
    store((uint16_t*)row + index, _mm512_cvtneps_pbh((__m512)values));
#else
    store((uint16_t*)row + index, __builtin_convertvector(to_bf16(values), Halves));
#endif
  }
}

// One tile of the block's output: C (R, kPanel) (+)= A (R rows of items) x panel.
template <class Format, size_t R>
void attention_tile(const void* items, size_t stride, const void* panel, size_t groups, bool add, float* out, size_t out_stride) {
  F sums[R][kVectors];
#pragma GCC unroll 16
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) sums[r][v] = add ? load<F>(out + r * out_stride + v * kLanes) : F{};
  tile<Format, R>((const typename Format::Item*)items, stride, panel, groups, sums);
#pragma GCC unroll 16
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) store(out + r * out_stride + v * kLanes, sums[r][v]);
}

template <class Format, size_t R = kRows>
INLINE void attention_tile_of(size_t count, const void* items, size_t stride, const void* panel, size_t groups, bool add, float* out, size_t out_stride) {
  if (count == R) return attention_tile<Format, R>(items, stride, panel, groups, add, out, out_stride);
  if constexpr (R > 1) attention_tile_of<Format, R - 1>(count, items, stride, panel, groups, add, out, out_stride);
}

// scores -> weights for one query row over `keys` keys (padded to kPanel); returns the factor for the sums of earlier
// blocks.
template <class Format>
INLINE float softmax_row(float* scores, size_t keys, size_t padded, bool is_first, float& top, float& total, float* weights) {
  for (size_t j = keys; j < padded; ++j) scores[j] = -__builtin_inff();
  F tops = splat(top);
  for (size_t j = 0; j < padded; j += kLanes) tops = max(tops, load<F>(scores + j));
  const float new_top = largest(tops);
  const float factor = is_first ? 0 : exp(splat(top - new_top))[0];
  F totals = F{};
  for (size_t j = 0; j < padded; j += kLanes) {
    const F x = load<F>(scores + j);
    F weight = exp(x - new_top);
    if (j + kLanes > keys) weight = x == -__builtin_inff() ? F{} : weight;
    totals += weight;
    store_item<Format>(weights, j, weight);
  }
  top = new_top;
  total = total * factor + sum(totals);
  return factor;
}

template <class Format>
void attention_rows(const float* q, size_t rows, const AttentionShape& shape, const AttentionScratch& s, float* out) {
  const size_t size = shape.head_size, padded = round_up(size, kPanel), keys_n = round_up(shape.tokens, kPanel);
  const size_t groups = (size + Format::kGroup - 1) / Format::kGroup, depth = groups * Format::kGroup;
  float top[kRows], total[kRows];
  for (size_t r = 0; r < rows; ++r) {
    top[r] = -1e30f;   // finite, so that the first difference is
    total[r] = 0;
    for (size_t d = 0; d < depth; d += kLanes)   // a part beyond `depth` is written over by the next row
      store_item<Format>(s.query + r * depth / Format::kGroup, d, load_part(q + r * shape.stride + d, size - d) * shape.scale);
  }
  for (size_t first = 0; first < shape.tokens; first += kKeys) {
    const size_t keys = shape.tokens - first < kKeys ? shape.tokens - first : kKeys, block = round_up(keys, kPanel);
    for (size_t key = 0; key < block; key += kPanel)
      attention_tile_of<Format>(rows, s.query, depth, s.keys + (first + key) * groups, groups, false, s.scores + key, kKeys);
    for (size_t r = 0; r < rows; ++r) {
      const float factor = softmax_row<Format>(s.scores + r * kKeys, keys, block, first == 0, top[r], total[r], s.weights + r * kKeys / Format::kGroup);
      if (first)
        for (size_t d = 0; d < padded; d += kLanes) store(s.sums + r * padded + d, load<F>(s.sums + r * padded + d) * factor);
    }
    for (size_t d = 0; d < padded; d += kPanel)
      attention_tile_of<Format>(rows, s.weights, kKeys, s.values + (d * keys_n + first * kPanel) / Format::kGroup, block / Format::kGroup, first != 0, s.sums + d, padded);
  }
  for (size_t r = 0; r < rows; ++r) {
    const float inverse = 1 / total[r];
    size_t d = 0;
    for (; d + kLanes <= size; d += kLanes) store(out + r * shape.out_stride + d, load<F>(s.sums + r * padded + d) * inverse);
    for (; d < size; ++d) out[r * shape.out_stride + d] = s.sums[r * padded + d] * inverse;
  }
}

template <class Format>
void attention_of(const float* q, const float* k, const float* v, const AttentionShape& shape, float* scratch, float* out) {
  const AttentionScratch s(scratch, shape.tokens, shape.head_size);
  pack_keys<Format>(k, shape, s.keys);
  pack_values<Format>(v, shape, s.values);
  const size_t tiles = (shape.tokens + kRows - 1) / kRows;
  for (size_t t = 0; t < tiles; ++t) {
    const size_t begin = shape.tokens * t / tiles, end = shape.tokens * (t + 1) / tiles;
    attention_rows<Format>(q + begin * shape.stride, end - begin, shape, s, out + begin * shape.out_stride);
  }
}

void attention(const float* q, const float* k, const float* v, const AttentionShape& shape, bool reduced, float* scratch, float* out) {
  (reduced ? attention_of<Bf16> : attention_of<Fp32>)(q, k, v, shape, scratch, out);
}

#endif

}  // namespace
}  // namespace inglenook
