// A BERT-family encoder: embeddings, then layers of attention and feed-forward with normalisation after each sum.
//
// A batch is ragged: the tokens of all sequences end to end, no padding and so no work on padding. A token's states do not
// depend on what else is in the batch, nor on the number of threads. Between the two meeting points of a layer (attention
// needs every row of its sequence) each thread takes a block of rows through all steps while it is in its cache.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/kernels.hpp"
#include "safetensors.hpp"
#include "thread_team.hpp"

namespace inglenook {

// The part of the package's TransformerSpec that arithmetic needs.
struct Architecture {
  size_t hidden_size = 0;
  size_t num_layers = 0;
  size_t num_heads = 0;
  size_t intermediate_size = 0;
  size_t vocab_size = 0;
  size_t max_positions = 0;
  size_t num_token_types = 0;      // 0: none
  size_t position_offset = 0;      // the position of a sequence's first token
  float norm_epsilon = 0;
};

// Where each tensor of the model is: canonical name (see Encoder::Encoder) -> file and name in it.
struct TensorSource {
  std::shared_ptr<const SafeTensors> file;
  std::string name;
};
using TensorMap = std::unordered_map<std::string, TensorSource>;

struct RaggedBatch {
  std::span<const int32_t> ids;        // (T)
  std::span<const int32_t> type_ids;   // (T), or empty: all 0
  std::span<const int64_t> offsets;    // (B + 1): sequence b is [offsets[b], offsets[b + 1])
};

enum class Pooling { kMean, kCls };

class Encoder {
 public:
  // Packs the weights for `level` at once; the embedding tables stay in the mapped file. Throws ModelFault.
  Encoder(const Architecture& architecture, const TensorMap& tensors, Precision precision, const std::string& level, unsigned num_threads);

  // out (T, hidden_size): the last layer's states. Throws UsageFault for ids, types or lengths outside the model's.
  void token_states(const RaggedBatch& batch, float* out);
  // out (B, hidden_size): states pooled per sequence and scaled to length 1 if `normalise`; a sequence without tokens
  // gives zeros.
  void sentence_vectors(const RaggedBatch& batch, Pooling pooling, bool normalise, float* out);

  const Architecture& architecture() const { return architecture_; }
  const char* level() const { return kernels_.level; }
  unsigned num_threads() const { return team_.size(); }

 private:
  struct Norm {
    std::vector<float> weight, bias;   // (hidden_size)
  };
  struct Layer {
    PackedLinear query_key_value;      // (3 hidden, hidden)
    PackedLinear attention_output;     // (hidden, hidden)
    Norm attention_norm;
    PackedLinear up;                   // (intermediate, hidden)
    PackedLinear down;                 // (hidden, intermediate)
    Norm output_norm;
  };
  // A table whose rows are looked up where they lie, with a scale per row when it is stored as int8.
  struct Table {
    std::shared_ptr<const SafeTensors> file;
    const Tensor* tensor = nullptr;
    const Tensor* scales = nullptr;
    void add_row(size_t row, size_t width, float* out) const;
  };
  // Grown to the largest batch seen, never shrunk; nothing else is allocated while running.
  struct State {
    std::vector<float> hidden;            // (T, hidden): the current layer's input and output
    std::vector<float> query_key_value;   // (T, 3 hidden)
    std::vector<float> context;           // (T, hidden): attention's output
    struct Task { size_t sequence, head; };
    std::vector<Task> attention_tasks;    // (B, heads), longest sequences first
    struct Thread {
      std::vector<std::byte> items;       // (block, max(hidden, intermediate)) prepared inputs of one product
      std::vector<RowScale> scales;       // (block) what their int8 items mean
      std::vector<float> wide;            // (block, intermediate): the feed-forward's middle
      std::vector<float> narrow;          // (block, hidden): a product before its sum is normalised
      std::vector<float> attention;       // one head's scratch
    };
    std::vector<Thread> threads;
  };
  struct Rows {
    size_t begin, count;
  };

  void check(const RaggedBatch& batch) const;
  void grow(const RaggedBatch& batch);
  void run(const RaggedBatch& batch);
  void embed(const RaggedBatch& batch, Rows rows);
  void project(const PackedLinear& linear, const float* x, size_t rows, State::Thread& thread, float* out, Activation activation);
  void finish_layer(const Layer& layer, Rows rows, State::Thread& thread);
  void attend(const RaggedBatch& batch, State::Task task, State::Thread& thread);

  Architecture architecture_;
  const Kernels& kernels_;
  Precision precision_;
  ThreadTeam team_;
  Table words_, positions_, types_;
  Norm embedding_norm_;
  std::vector<Layer> layers_;
  State state_;
  std::mutex mutex_;   // one batch at a time
};

}  // namespace inglenook
