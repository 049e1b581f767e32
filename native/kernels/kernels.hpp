// What the kernels do, and the table of them that each instruction-set level fills.
//
// Levels: "plain" is the definition, loops without any trick; the others must agree with it within the rounding that the
// tests derive. A level is chosen once, at load (best_level), or by name. Files: each operation has one header with its
// plain loop and its vector form; level_*.cpp compiles those headers with the flags of one level.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace inglenook {

enum class Precision { kFp32, kBf16, kInt8 };
enum class Activation { kNone, kGelu };

// Weights (N, K) of y = x W^T + b, laid out for one level: panels of `panel_columns` outputs; in a panel, groups of
// `group` consecutive inputs; in a group, the columns; in a column, the group's inputs. N and K are padded with zeros.
struct PackedLinear {
  Precision precision = Precision::kFp32;
  size_t rows_n = 0;                      // N: outputs
  size_t depth_k = 0;                     // K: inputs
  size_t padded_n = 0;                    // multiple of panel_columns
  size_t padded_k = 0;                    // multiple of group; the length of a prepared input row
  std::vector<std::byte> storage;         // the panels, over-allocated to align them
  std::byte* panels = nullptr;            // 64-byte aligned, into storage
  std::vector<float> bias;                // (padded_n)
  std::vector<float> scales;              // (padded_n) int8: weight = stored x scale
  std::vector<float> totals;              // (padded_n) int8: sum of the row's weights, as stored x scale
  std::vector<int32_t> starts;            // (padded_n) int8: accumulators start here; cancels an unsigned-input offset
};

// One row of weights as PackedLinear takes it: floats, or int8 with a scale when the file stores that.
struct WeightRow {
  const float* values = nullptr;          // (K)
  const int8_t* quantised = nullptr;      // (K) or null
  float scale = 0;                        // of `quantised`
};

// How a row of inputs became int8: x is about scale * item + offset.
struct RowScale {
  float scale, offset;
};

struct AttentionShape {
  size_t tokens;      // T of this sequence
  size_t head_size;   // D
  size_t stride;      // floats between two tokens of q, k and v
  size_t out_stride;  // floats between two tokens of out
  float scale;        // scores are scale * q.k
};

struct Kernels {
  const char* level;
  size_t panel_columns;

  // Sizes a PackedLinear for (N, K); then store_row fills each row (any thread, rows apart). scratch: padded_k floats.
  void (*shape_linear)(PackedLinear& linear, size_t n, size_t k, Precision precision);
  void (*store_row)(PackedLinear& linear, size_t row, const WeightRow& weights, float* scratch);

  // Puts rows of x (floats, row stride `stride`) into the form linear() reads: rows of padded_k items. int8 also fills
  // scales (rows).
  void (*prepare)(Precision precision, const float* x, size_t stride, size_t rows, size_t k, size_t padded_k, void* items, RowScale* scales);

  // out (rows, N; row stride out_stride) = activation(items W^T + b).
  void (*linear)(const PackedLinear& linear, const void* items, const RowScale* scales, size_t rows, float* out, size_t out_stride, Activation activation);

  // x = gelu(x) in place: x/2 (1 + erf(x / sqrt 2)).
  void (*gelu)(float* x, size_t count);

  // out = layer_norm(a + b) * weight + bias over rows of `width`; b may be null. out may be a.
  void (*layer_norm)(const float* a, const float* b, const float* weight, const float* bias, float epsilon, size_t rows, size_t width, float* out);

  // One head of one sequence, unmasked: out = softmax(scale q k^T) v. `reduced` rounds q, k, v and the probabilities to
  // bf16. scratch holds attention_scratch(T, D) floats.
  void (*attention)(const float* q, const float* k, const float* v, const AttentionShape& shape, bool reduced, float* scratch, float* out);
  size_t (*attention_scratch)(size_t tokens, size_t head_size);
};

// Bytes of one prepared input item.
inline size_t item_bytes(Precision precision) { return precision == Precision::kFp32 ? 4 : precision == Precision::kBf16 ? 2 : 1; }

// The levels this machine can run, slowest first: "plain", "portable", then what cpuid reports.
std::vector<const Kernels*> usable_levels();
// By name, or the fastest for "auto". Throws UsageFault for one that this machine or build lacks.
const Kernels& kernels_for(const std::string& level);
// Whether the level computes this precision with instructions made for it.
bool is_native(const Kernels& kernels, Precision precision);

}  // namespace inglenook
