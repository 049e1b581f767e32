// Rows of x in the form linear() reads. fp32: copied when the row is padded or strided. bf16: rounded to nearest even.
// int8: symmetric with the row's own scale, max|x| / 127 (a row of zeros gets scale 0); where the level multiplies
// unsigned inputs, 128 is added (kOffset) and PackedLinear::starts takes it off again.
#pragma once

#include "linear.hpp"

namespace inglenook {
namespace {

#if defined(INGLENOOK_PLAIN)

void prepare_bf16_row(const float* x, size_t k, uint16_t* out) {
  for (size_t i = 0; i < k; ++i) out[i] = (uint16_t)(float_to_bits(round_to_bf16(x[i])) >> 16);
}

float prepare_int8_row(const float* x, size_t k, int8_t* out) {
  float top = 0;
  for (size_t i = 0; i < k; ++i) top = __builtin_fabsf(x[i]) > top ? __builtin_fabsf(x[i]) : top;
  const float inverse = top > 0 ? 127 / top : 0;
  for (size_t i = 0; i < k; ++i) out[i] = round_to_int8(x[i] * inverse);
  return top / 127;
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

float prepare_int8_row(const float* x, size_t k, int8_t* out) {
  F tops = F{};
  size_t i = 0;
  for (; i + kLanes <= k; i += kLanes) tops = max(tops, abs(load<F>(x + i)));
  float top = largest(tops);
  for (; i < k; ++i) top = __builtin_fabsf(x[i]) > top ? __builtin_fabsf(x[i]) : top;
  const float inverse = top > 0 ? 127 / top : 0;
  for (i = 0; i + kLanes <= k; i += kLanes)
    store(out + i, __builtin_convertvector(nearest(load<F>(x + i) * inverse) + kOffset, Bytes));
  for (; i < k; ++i) out[i] = (int8_t)(round_to_int8(x[i] * inverse) + kOffset);
  return top / 127;
}

#endif

void prepare(Precision precision, const float* x, size_t stride, size_t rows, size_t k, size_t padded_k, void* items, float* scales) {
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
