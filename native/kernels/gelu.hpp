// GELU (Hendrycks and Gimpel 2016), the exact form with erf.
//
// Vector form: Phi(x) - 1/2 = x p(z), z = 2 (x / 4.5)^2 - 1, with x held to [-4.5, 4.5]; p of degree 9 is fitted to make
// the largest error of x Phi(x) least (iteratively reweighted least squares on 8,000 Chebyshev nodes). Error in fp32: at
// most 7.6e-6 for |x| <= 4.5 and 5.1e-6 |x| beyond. Centring z keeps the terms small, so they do not cancel.
#pragma once

#include "simd.hpp"

namespace inglenook {
namespace {

#if defined(INGLENOOK_PLAIN)

INLINE float plain_gelu(float x) { return 0.5f * x * (1 + __builtin_erff(x * 0.70710678f)); }

void gelu(float* x, size_t count) {
  for (size_t i = 0; i < count; ++i) x[i] = plain_gelu(x[i]);
}

#else

INLINE F gelu(F x) {
  const F held = max(min(x, splat(4.5f)), splat(-4.5f));
  const F z = held * held * (2 / (4.5f * 4.5f)) - 1.0f;
  F p = z * -0.001565685379318893f + 0.004655325319617987f;
  p = p * z - 0.006682815030217171f;
  p = p * z + 0.010140452533960342f;
  p = p * z - 0.01815923862159252f;
  p = p * z + 0.028623972088098526f;
  p = p * z - 0.040295783430337906f;
  p = p * z + 0.05467185005545616f;
  p = p * z - 0.07718337327241898f;
  p = p * z + 0.15690529346466064f;
  return x * (held * p + 0.5f);
}

template <size_t kCount>
INLINE void gelu_panel(float* x) {
#pragma GCC unroll 4
  for (size_t i = 0; i < kCount; i += kLanes) store(x + i, gelu(load<F>(x + i)));
}

void gelu(float* x, size_t count) {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(x + i, gelu(load<F>(x + i)));
  if (i == count) return;
  float edge[kLanes] = {};
  memcpy(edge, x + i, (count - i) * 4);
  store(edge, gelu(load<F>(edge)));
  memcpy(x + i, edge, (count - i) * 4);
}

#endif

}  // namespace
}  // namespace inglenook
