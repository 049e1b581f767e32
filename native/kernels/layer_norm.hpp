// Layer normalisation (Ba, Kiros and Hinton 2016) of a sum of two rows: the mean is taken first, then the mean square
// of the differences, so large means do not cancel.
#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace inglenook {
namespace {

#if defined(INGLENOOK_PLAIN)

void layer_norm(const float* a, const float* b, const float* weight, const float* bias, float epsilon, size_t rows, size_t width, float* out) {
  for (size_t row = 0; row < rows; ++row, a += width, out += width) {
    float total = 0, squares = 0;
    for (size_t i = 0; i < width; ++i) total += out[i] = a[i] + (b ? b[row * width + i] : 0.0f);
    const float mean = total / (float)width;
    for (size_t i = 0; i < width; ++i) squares += (out[i] - mean) * (out[i] - mean);
    const float inverse = 1 / __builtin_sqrtf(squares / (float)width + epsilon);
    for (size_t i = 0; i < width; ++i) out[i] = (out[i] - mean) * inverse * weight[i] + bias[i];
  }
}

#else

void layer_norm(const float* a, const float* b, const float* weight, const float* bias, float epsilon, size_t rows, size_t width, float* out) {
  const size_t whole = width / kLanes * kLanes;
  for (size_t row = 0; row < rows; ++row, a += width, b = b ? b + width : b, out += width) {
    F totals = F{}, squares = F{};
    for (size_t i = 0; i < whole; i += kLanes) {
      const F x = b ? load<F>(a + i) + load<F>(b + i) : load<F>(a + i);
      store(out + i, x);
      totals += x;
    }
    float total = sum(totals);
    for (size_t i = whole; i < width; ++i) total += out[i] = a[i] + (b ? b[i] : 0.0f);
    const float mean = total / (float)width;
    for (size_t i = 0; i < whole; i += kLanes) {
      const F difference = load<F>(out + i) - mean;
      squares += difference * difference;
    }
    float square = sum(squares);
    for (size_t i = whole; i < width; ++i) square += (out[i] - mean) * (out[i] - mean);
    const float inverse = 1 / __builtin_sqrtf(square / (float)width + epsilon);
    for (size_t i = 0; i < whole; i += kLanes)
      store(out + i, (load<F>(out + i) - mean) * inverse * load<F>(weight + i) + load<F>(bias + i));
    for (size_t i = whole; i < width; ++i) out[i] = (out[i] - mean) * inverse * weight[i] + bias[i];
  }
}

#endif

}  // namespace
}  // namespace inglenook
