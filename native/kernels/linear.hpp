// y = activation(x W^T + b) for a block of rows, in fp32, bf16 (products of bf16, sums in fp32) or int8 (exact int32
// sums; a scale and an offset per input row, a scale per output).
//
// The vector form keeps a tile of up to kRows x kVectors accumulators in registers and walks one weight panel per tile;
// a panel is reused for all rows of the block while it is in cache (Goto and van de Geijn 2008, without their packing of
// x). Every row's sums are formed in the same order whatever the block, so a row's result does not depend on its batch.
#pragma once

#include "gelu.hpp"
#include "kernels.hpp"
#include "simd.hpp"

namespace inglenook {
namespace {

struct Fp32 {
  using Item = float;
  using Sums = F;
  static constexpr size_t kGroup = 1;
};
struct Bf16 {
  using Item = uint16_t;
  using Sums = F;
  static constexpr size_t kGroup = 2;
};
struct Int8 {
  using Item = int8_t;
  using Sums = I;
  static constexpr size_t kGroup = 4;
};

INLINE float round_to_bf16(float x) {
  const uint32_t bits = float_to_bits(x);
  return bits_to_float((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u);
}
// max |x|
INLINE float largest_size(const float* x, size_t count) {
  F tops = F{};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) tops = max(tops, abs(load<F>(x + i)));
  float top = largest(tops);
  for (; i < count; ++i) top = __builtin_fabsf(x[i]) > top ? __builtin_fabsf(x[i]) : top;
  return top;
}

#if defined(INGLENOOK_PLAIN)

// ---- The definition ----

constexpr size_t kPanel = 1;
constexpr size_t group_of(Precision) { return 1; }
constexpr int kOffset = 0;

template <class Format>
float plain_dot(const typename Format::Item* x, const typename Format::Item* w, size_t k);
template <>
float plain_dot<Fp32>(const float* x, const float* w, size_t k) {
  float total = 0;
  for (size_t i = 0; i < k; ++i) total += x[i] * w[i];
  return total;
}
template <>
float plain_dot<Bf16>(const uint16_t* x, const uint16_t* w, size_t k) {
  float total = 0;
  for (size_t i = 0; i < k; ++i) total += bits_to_float((uint32_t)x[i] << 16) * bits_to_float((uint32_t)w[i] << 16);
  return total;
}
template <>
float plain_dot<Int8>(const int8_t* x, const int8_t* w, size_t k) {
  int32_t total = 0;
  for (size_t i = 0; i < k; ++i) total += (int32_t)x[i] * w[i];
  return (float)total;
}

template <class Format>
void linear_rows(const PackedLinear& linear, const void* items, const RowScale* scales, size_t rows, float* out, size_t out_stride, Activation activation) {
  const auto* x = (const typename Format::Item*)items;
  const auto* w = (const typename Format::Item*)linear.panels;
  const size_t k = linear.padded_k;
  for (size_t row = 0; row < rows; ++row)
    for (size_t n = 0; n < linear.rows_n; ++n) {
      float y = plain_dot<Format>(x + row * k, w + n * k, k);
      if (sizeof(*x) == 1) y = y * scales[row].scale * linear.scales[n] + scales[row].offset * linear.totals[n];
      y += linear.bias[n];
      out[row * out_stride + n] = activation == Activation::kGelu ? plain_gelu(y) : y;
    }
}

#else

// ---- Tiles ----

constexpr size_t kVectors = 2;                          // columns of a tile, in vectors
constexpr size_t kPanel = kVectors * kLanes;
#if defined(__AVX512F__)
constexpr size_t kRows = 12;                            // 24 accumulators of 32 registers
#else
constexpr size_t kRows = 4;                             // 8 accumulators of 16 registers: int8 needs four temporaries
#endif
constexpr size_t group_of(Precision precision) { return precision == Precision::kFp32 ? 1 : precision == Precision::kBf16 ? 2 : 4; }
constexpr int kOffset = kInputOffset;

INLINE F step(Fp32, F sums, const float* x, F w) { return sums + *x * w; }
INLINE F step(Bf16, F sums, const uint16_t* x, F w) {
  uint32_t pair;
  memcpy(&pair, x, 4);
  return dot_bf16(sums, U{} + pair, (U)w);
}
INLINE I step(Int8, I sums, const int8_t* x, I w) {
  int32_t four;
  memcpy(&four, x, 4);
  return dot_int8(sums, splat(four), w);
}

// sums (R, kVectors) += x (R rows, stride `stride`) times one panel of `groups` groups.
template <class Format, size_t R>
INLINE void tile(const typename Format::Item* x, size_t stride, const void* panel, size_t groups, typename Format::Sums (&sums)[R][kVectors]) {
  using Sums = typename Format::Sums;
  const char* weights = (const char*)panel;
  for (size_t g = 0; g < groups; ++g, weights += kPanel * 4, x += Format::kGroup) {
    Sums w[kVectors];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) w[v] = load<Sums>(weights + v * sizeof(Sums));
#pragma GCC unroll 16
    for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v) sums[r][v] = step(Format{}, sums[r][v], x + r * stride, w[v]);
  }
}

struct Block {
  const PackedLinear& linear;
  const void* items;
  const RowScale* scales;
  size_t rows;
  float* out;
  size_t out_stride;
  Activation activation;
};

template <class Format, size_t R>
void linear_tile(const Block& block, size_t row, size_t column) {
  using Sums = typename Format::Sums;
  const PackedLinear& linear = block.linear;
  Sums sums[R][kVectors];
#pragma GCC unroll 16
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
      if constexpr (Format::kGroup == 4) sums[r][v] = load<I>(linear.starts.data() + column + v * kLanes);
      else sums[r][v] = Sums{};
    }
  const auto* x = (const typename Format::Item*)block.items + row * linear.padded_k;
  tile<Format, R>(x, linear.padded_k, linear.panels + column * linear.padded_k * sizeof(*x), linear.padded_k / Format::kGroup, sums);

  float edge[R * kPanel];
  const bool is_whole = column + kPanel <= linear.rows_n;
  float* out = is_whole ? block.out + row * block.out_stride + column : edge;
  const size_t stride = is_whole ? block.out_stride : kPanel;
#pragma GCC unroll 16
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
      const F bias = load<F>(linear.bias.data() + column + v * kLanes);
      F y;
      if constexpr (Format::kGroup == 4)
        y = __builtin_convertvector(sums[r][v], F) * (block.scales[row + r].scale * load<F>(linear.scales.data() + column + v * kLanes)) +
            (block.scales[row + r].offset * load<F>(linear.totals.data() + column + v * kLanes) + bias);
      else y = sums[r][v] + bias;
      store(out + r * stride + v * kLanes, y);
    }
  if (block.activation == Activation::kGelu)
    for (size_t r = 0; r < R; ++r) gelu_panel<kPanel>(out + r * stride);
  if (!is_whole)
    for (size_t r = 0; r < R; ++r) memcpy(block.out + (row + r) * block.out_stride + column, edge + r * kPanel, (linear.rows_n - column) * 4);
}

// Calls the tile of `count` rows, 1 <= count <= kRows.
template <class Format, size_t R = kRows>
INLINE void linear_tile_of(size_t count, const Block& block, size_t row, size_t column) {
  if (count == R) return linear_tile<Format, R>(block, row, column);
  if constexpr (R > 1) linear_tile_of<Format, R - 1>(count, block, row, column);
}

template <class Format>
void linear_rows(const PackedLinear& linear, const void* items, const RowScale* scales, size_t rows, float* out, size_t out_stride, Activation activation) {
  const Block block{linear, items, scales, rows, out, out_stride, activation};
  const size_t tiles = (rows + kRows - 1) / kRows;
  for (size_t column = 0; column < linear.padded_n; column += kPanel)
    for (size_t t = 0; t < tiles; ++t) {   // tiles of nearly equal height
      const size_t begin = rows * t / tiles, end = rows * (t + 1) / tiles;
      linear_tile_of<Format>(end - begin, block, begin, column);
    }
}

#endif

// ---- Packing (every level) ----

void shape_linear(PackedLinear& linear, size_t n, size_t k, Precision precision) {
  const size_t group = group_of(precision);
  linear.precision = precision;
  linear.rows_n = n;
  linear.depth_k = k;
  linear.padded_n = (n + kPanel - 1) / kPanel * kPanel;
  linear.padded_k = (k + group - 1) / group * group;
}

// The row's weights as int8 with one scale, max|w| / 127.
void quantise_row(const WeightRow& weights, size_t k, int8_t* out, float& scale, int32_t& total) {
  if (weights.quantised) {
    memcpy(out, weights.quantised, k);
    scale = weights.scale;
  } else {
    const float top = largest_size(weights.values, k), inverse = top > 0 ? 127 / top : 0;
    for (size_t i = 0; i < k; ++i) out[i] = (int8_t)((int32_t)float_to_bits(apart(weights.values[i] * inverse) + kRound) - 0x4B400000);
    scale = top / 127;
  }
  total = 0;
  for (size_t i = 0; i < k; ++i) total += out[i];
}

// The row in the precision's items, then spread over its panel one group (4 bytes; one item in the plain level) at a time.
void store_row(PackedLinear& linear, size_t row, const WeightRow& weights, float* scratch) {
  const size_t k = linear.depth_k, group = group_of(linear.precision), size = item_bytes(linear.precision);
  memset(scratch, 0, linear.padded_k * 4);
  if (linear.precision == Precision::kInt8) {
    int32_t total;
    quantise_row(weights, k, (int8_t*)scratch, linear.scales[row], total);
    linear.starts[row] = -kOffset * total;
    linear.totals[row] = linear.scales[row] * (float)total;
  } else {
    for (size_t i = 0; i < k; ++i) scratch[i] = weights.quantised ? weights.quantised[i] * weights.scale : weights.values[i];
    if (linear.precision == Precision::kBf16)   // in place: item i lies below float i
      for (size_t i = 0; i < k; ++i) ((uint16_t*)scratch)[i] = (uint16_t)(float_to_bits(round_to_bf16(scratch[i])) >> 16);
  }
  char* at = (char*)linear.panels + (row / kPanel * kPanel * linear.padded_k + row % kPanel * group) * size;
  const char* from = (const char*)scratch;
  for (size_t i = 0; i < linear.padded_k; i += group, at += kPanel * group * size, from += group * size) memcpy(at, from, group * size);
}

void linear(const PackedLinear& linear, const void* items, const RowScale* scales, size_t rows, float* out, size_t out_stride, Activation activation) {
  const auto run = linear.precision == Precision::kFp32 ? linear_rows<Fp32> : linear.precision == Precision::kBf16 ? linear_rows<Bf16> : linear_rows<Int8>;
  run(linear, items, scales, rows, out, out_stride, activation);
}

}  // namespace
}  // namespace inglenook
