// Rows of x in the form linear() reads. fp32: copied when the row is padded or strided. bf16: rounded to nearest even.
// int8: 253 steps from the row's least value to its largest (zero always included), because a few hidden units of these
// models lie far to one side and a symmetric range would waste half its steps. Items lie in [-127, 127]; where the level
// multiplies unsigned inputs, 128 is added (kOffset) and PackedLinear::starts takes it off again.
#pragma once

#include "linear.hpp"

namespace inglenook {
namespace {

struct Steps {
  float inverse;   // steps per unit
  float zero;      // the item of x = 0, a whole number
  RowScale scale;
};

// 253 steps leave half a step free at each end, so a rounded zero cannot push an item out of [-127, 127].
INLINE Steps steps_of(float low, float high) {
  const float inverse = high > low ? 253 / (high - low) : 0, scale = (high - low) / 253;
  const float zero = high > low ? __builtin_rintf(-126.5f - apart(low * inverse)) : 0;
  return {inverse, zero, {scale, -zero * scale}};
}

#if defined(INGLENOOK_PLAIN)

void prepare_bf16_row(const float* x, size_t k, uint16_t* out) {
  for (size_t i = 0; i < k; ++i) out[i] = (uint16_t)(float_to_bits(round_to_bf16(x[i])) >> 16);
}

RowScale prepare_int8_row(const float* x, size_t k, int8_t* out) {
  float low = 0, high = 0;
  for (size_t i = 0; i < k; ++i) low = x[i] < low ? x[i] : low, high = x[i] > high ? x[i] : high;
  const Steps steps = steps_of(low, high);
  for (size_t i = 0; i < k; ++i) out[i] = (int8_t)__builtin_rintf(apart(x[i] * steps.inverse) + steps.zero);
  return steps.scale;
}

#else

void prepare_bf16_row(const float* x, size_t k, uint16_t* out) {
  size_t i = 0;
  for (; i + kLanes <= k; i += kLanes) {
#if defined(__AVX512BF16__)
    store(out + i, _mm512_cvtneps_pbh((__m512)load<F>(x + i)));
#else
    store(out + i, __builtin_convertvector(to_bf16(load<F>(x + i)), Halves));
#endif
  }
  for (; i < k; ++i) out[i] = (uint16_t)(float_to_bits(round_to_bf16(x[i])) >> 16);
}

RowScale prepare_int8_row(const float* x, size_t k, int8_t* out) {
  F lows = F{}, highs = F{};
  size_t i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    const F values = load<F>(x + i);
    lows = min(values, lows);
    highs = max(values, highs);
  }
  float low = -largest(-lows), high = largest(highs);
  for (; i < k; ++i) low = x[i] < low ? x[i] : low, high = x[i] > high ? x[i] : high;
  const Steps steps = steps_of(low, high);
  for (i = 0; i + kLanes <= k; i += kLanes)
    store(out + i, __builtin_convertvector(nearest(apart(load<F>(x + i) * steps.inverse) + steps.zero) + kOffset, Bytes));
  for (; i < k; ++i) out[i] = (int8_t)((int)__builtin_rintf(apart(x[i] * steps.inverse) + steps.zero) + kOffset);
  return steps.scale;
}

#endif

void prepare(Precision precision, const float* x, size_t stride, size_t rows, size_t k, size_t padded_k, void* items, RowScale* scales) {
  for (size_t row = 0; row < rows; ++row, x += stride) {
    char* out = (char*)items + row * padded_k * item_bytes(precision);
    if (precision == Precision::kFp32) {
      memcpy(out, x, k * 4);
    } else if (precision == Precision::kBf16) {
      prepare_bf16_row(x, k, (uint16_t*)out);
      for (size_t i = k; i < padded_k; ++i) ((uint16_t*)out)[i] = 0;
    } else {
      scales[row] = prepare_int8_row(x, k, (int8_t*)out);
      for (size_t i = k; i < padded_k; ++i) out[i] = 0;   // times weights that are zero there
    }
  }
}

}  // namespace
}  // namespace inglenook
