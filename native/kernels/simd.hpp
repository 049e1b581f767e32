// Vectors of the level being compiled: kLanes floats or int32, through the compiler's vector types, and the few
// operations that need an instruction of their own. Included only by level_*.cpp; everything has internal linkage, so
// that code compiled for one level can never be linked into another.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <utility>   // index_sequence: a type, no code

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace inglenook {
namespace {

#if defined(__AVX512F__)
constexpr size_t kLanes = 16;
#elif defined(__AVX2__)
constexpr size_t kLanes = 8;
#else
constexpr size_t kLanes = 4;
#endif

typedef float F __attribute__((vector_size(kLanes * 4)));
typedef int32_t I __attribute__((vector_size(kLanes * 4)));
typedef uint32_t U __attribute__((vector_size(kLanes * 4)));
typedef int8_t Bytes __attribute__((vector_size(kLanes)));
typedef uint16_t Halves __attribute__((vector_size(kLanes * 2)));

#define INLINE static inline __attribute__((always_inline))

template <class V>
INLINE V load(const void* from) {
  V value;
  memcpy(&value, from, sizeof value);
  return value;
}
template <class V>
INLINE void store(void* to, V value) {
  memcpy(to, &value, sizeof value);
}
INLINE F splat(float x) { return F{} + x; }
INLINE I splat(int32_t x) { return I{} + x; }
INLINE F max(F a, F b) { return a > b ? a : b; }
INLINE F min(F a, F b) { return a < b ? a : b; }
INLINE float bits_to_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
INLINE uint32_t float_to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}
INLINE F abs(F x) { return (F)((U)x & (U{} + 0x7FFFFFFFu)); }

using Lanes = std::make_index_sequence<kLanes>;

// x with lane i + by in lane i, around the end.
template <size_t by, size_t... i>
INLINE F rotated(F x, std::index_sequence<i...>) {
  return __builtin_shufflevector(x, x, ((i + by) % kLanes)...);
}
// Sum and maximum of the lanes, by halves: lane i with lane i + kLanes / 2, and so on.
template <size_t by = kLanes / 2>
INLINE float sum(F x) {
  x += rotated<by>(x, Lanes{});
  if constexpr (by == 1) return x[0];
  else return sum<by / 2>(x);
}
template <size_t by = kLanes / 2>
INLINE float largest(F x) {
  x = max(x, rotated<by>(x, Lanes{}));
  if constexpr (by == 1) return x[0];
  else return largest<by / 2>(x);
}

// Swaps the lanes of `a` whose number has the bit `by` with those of `b` whose number lacks it.
template <size_t by, size_t... i>
INLINE void swap_lanes(U& a, U& b, std::index_sequence<i...>) {
  const U low = __builtin_shufflevector(a, b, (i & by ? kLanes + i - by : i)...);
  b = __builtin_shufflevector(a, b, (i & by ? kLanes + i : i + by)...);
  a = low;
}
// Transposes a square of kLanes x kLanes, bit by bit of row and lane number (Eklundh 1972).
template <size_t by = kLanes / 2>
INLINE void transpose(U (&rows)[kLanes]) {
#pragma GCC unroll 16
  for (size_t r = 0; r < kLanes; ++r)
    if (!(r & by)) swap_lanes<by>(rows[r], rows[r + by], Lanes{});
  if constexpr (by > 1) transpose<by / 2>(rows);
}

// The first `count` floats at `from`, all if that is kLanes or more, then zeros.
INLINE F load_part(const float* from, size_t count) {
  if (count >= kLanes) return load<F>(from);
  F value = F{};
  memcpy(&value, from, count * 4);
  return value;
}

// x as it stands, so that the compiler cannot merge the product that made it with a sum that follows: where a value is
// rounded to an integer, a merged product would round some of them differently from level to level.
template <class V>
INLINE V apart(V x) {
#if defined(__x86_64__)
  asm("" : "+v"(x));
#elif defined(__aarch64__)
  asm("" : "+w"(x));
#endif
  return x;
}

// The nearest integer, ties to even, for |x| < 2^22: adding 1.5 * 2^23 leaves it in the low bits of the fraction.
constexpr float kRound = 12582912.0f;
INLINE I nearest(F x) { return (I)(x + kRound) - (int32_t)0x4B400000; }

// e^x for x <= 88, relative error under 3e-7; below -87 it gives about 1e-38. n = round(x / ln 2), then the series of
// e^r on |r| <= ln(2)/2, whose first neglected term is r^7/5040 < 1.3e-7, then an exponent shift by n.
INLINE F exp(F x) {
  x = max(x, splat(-87.0f));
  const F shifted = x * 1.44269504f + kRound;
  const F n = shifted - kRound;
  const F r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  F p = r * (1.0f / 720) + (1.0f / 120);
  p = p * r + (1.0f / 24);
  p = p * r + (1.0f / 6);
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return (F)((I)p + (((I)shifted - (int32_t)0x4B400000) << 23));
}

// bf16 bits of each lane, rounded to nearest even (finite values).
INLINE U to_bf16(F x) {
  const U bits = (U)x;
  return (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
}

// Lane i: the bf16 of low[i], and above it that of high[i].
INLINE U bf16_pairs(F low, F high) {
#if defined(__AVX512BF16__)
  const auto halves = [](F x) { return __builtin_convertvector((Halves)_mm512_cvtneps_pbh((__m512)x), U); };
  return halves(low) | halves(high) << 16;
#else
  return to_bf16(low) | to_bf16(high) << 16;
#endif
}

// Lane i: the bf16 of items 2i and 2i + 1 of the 2 kLanes items in a and b.
template <size_t... i>
INLINE U bf16_neighbours(F a, F b, std::index_sequence<i...>) {
#if defined(__AVX512BF16__)
  return (U)_mm512_cvtne2ps_pbh((__m512)b, (__m512)a);
#else
  const U low = to_bf16(a), high = to_bf16(b);
  return __builtin_shufflevector(low, high, (2 * i)...) | __builtin_shufflevector(low, high, (2 * i + 1)...) << 16;
#endif
}

// sums + the products of two bf16 per lane (in fp32; the instruction flushes subnormals).
INLINE F dot_bf16(F sums, U inputs, U weights) {
#if defined(__AVX512BF16__)
  return (F)_mm512_dpbf16_ps((__m512)sums, (__m512bh)inputs, (__m512bh)weights);
#else
  sums += (F)(inputs << 16) * (F)(weights << 16);
  return sums + (F)(inputs & 0xFFFF0000u) * (F)(weights & 0xFFFF0000u);
#endif
}

// sums + the four products per lane of the inputs and signed weights, exactly. With VNNI the inputs are unsigned, value
// + 128 (kInputOffset); elsewhere signed in [-127, 127], which keeps every 16-bit step of the AVX2 form exact:
// |w| <= 128, two products at most 2 * 128 * 127 = 32512.
#if defined(__AVX512VNNI__)
constexpr int kInputOffset = 128;
INLINE I dot_int8(I sums, I inputs, I weights) { return (I)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)inputs, (__m512i)weights); }
#elif defined(__AVX2__) && !defined(__AVX512F__)
constexpr int kInputOffset = 0;
INLINE I dot_int8(I sums, I inputs, I weights) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)weights), _mm256_sign_epi8((__m256i)inputs, (__m256i)weights));
  return sums + (I)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#elif defined(__ARM_FEATURE_DOTPROD)
constexpr int kInputOffset = 0;
INLINE I dot_int8(I sums, I inputs, I weights) { return (I)vdotq_s32((int32x4_t)sums, (int8x16_t)inputs, (int8x16_t)weights); }
#else
constexpr int kInputOffset = 0;
INLINE I dot_int8(I sums, I inputs, I weights) {
  for (int shift = 0; shift < 32; shift += 8) sums += (inputs << (24 - shift) >> 24) * (weights << (24 - shift) >> 24);
  return sums;
}
#endif

}  // namespace
}  // namespace inglenook
