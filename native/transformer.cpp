#include "transformer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "errors.hpp"
#include "weights.hpp"

namespace inglenook {
namespace {

// Rows a thread takes through a layer at once: enough to use each weight panel several times, few enough that the
// feed-forward's middle (block x intermediate floats) stays in a second-level cache.
constexpr size_t kMaxBlockRows = 48;

// Up to here one thread does everything. A second one would read all weights as well, and a core that another program
// holds for a moment would make a query wait many times its length.
constexpr size_t kAloneTokens = 16;

size_t block_rows(size_t rows, unsigned num_threads) {
  return std::clamp<size_t>((rows + num_threads - 1) / num_threads, 1, kMaxBlockRows);
}

}  // namespace

Encoder::Encoder(const Architecture& architecture, const TensorMap& tensors, Precision precision, const std::string& level, unsigned num_threads)
    : architecture_(architecture), kernels_(kernels_for(level)), precision_(precision), team_(num_threads) {
  const Architecture& a = architecture_;
  if (!a.hidden_size || !a.num_heads || a.hidden_size % a.num_heads || !a.num_layers || !a.intermediate_size || !a.vocab_size || !a.max_positions)
    throw ModelFault("a hidden size of " + std::to_string(a.hidden_size) + ", " + std::to_string(a.num_heads) + " heads, " +
                     std::to_string(a.num_layers) + " layers, an inner size of " + std::to_string(a.intermediate_size) + ", " +
                     std::to_string(a.vocab_size) + " words and " + std::to_string(a.max_positions) + " positions make no encoder");
  const WeightReader reader(tensors, kernels_, team_);
  const auto table = [&](const std::string& name, size_t rows) {
    const WeightReader::Found found = reader.find(name, {rows, a.hidden_size});
    return Table{found.file, found.tensor, found.scales};
  };
  const auto norm = [&](const std::string& name) {
    return Norm{reader.vector(name + ".weight", a.hidden_size), reader.vector(name + ".bias", a.hidden_size)};
  };
  words_ = table("embeddings.word", a.vocab_size);
  positions_ = table("embeddings.position", a.max_positions);
  if (a.num_token_types) types_ = table("embeddings.type", a.num_token_types);
  embedding_norm_ = norm("embeddings.norm");
  const size_t hidden = a.hidden_size, wide = a.intermediate_size;
  for (size_t i = 0; i < a.num_layers; ++i) {
    const std::string at = "layers." + std::to_string(i) + ".";
    layers_.push_back({reader.linear({at + "query", at + "key", at + "value"}, hidden, hidden, precision),
                       reader.linear({at + "attention_output"}, hidden, hidden, precision), norm(at + "attention_norm"),
                       reader.linear({at + "up"}, wide, hidden, precision), reader.linear({at + "down"}, hidden, wide, precision),
                       norm(at + "output_norm")});
  }
  state_.threads.resize(team_.size());
  for (State::Thread& thread : state_.threads) {
    const size_t depth = std::max(layers_[0].up.padded_k, layers_[0].down.padded_k);
    thread.items.resize(kMaxBlockRows * depth * item_bytes(precision));
    thread.scales.resize(kMaxBlockRows);
    thread.wide.resize(kMaxBlockRows * wide);
    thread.narrow.resize(kMaxBlockRows * hidden);
  }
}

void Encoder::Table::add_row(size_t row, size_t width, float* out) const {
  if (tensor->dtype == DType::kF32) {
    const std::byte* from = tensor->data + row * width * 4;
    for (size_t i = 0; i < width; ++i) {
      float value;
      std::memcpy(&value, from + i * 4, 4);
      out[i] += value;
    }
    return;
  }
  const float scale = scales ? element(*scales, row) : 1.0f;
  for (size_t i = 0; i < width; ++i) out[i] += scale * element(*tensor, row * width + i);
}

void Encoder::check(const RaggedBatch& batch) const {
  const auto fail = [](const std::string& what) { throw UsageFault(what); };
  const auto& offsets = batch.offsets;
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != static_cast<int64_t>(batch.ids.size()))
    fail("offsets must run from 0 to the number of ids, " + std::to_string(batch.ids.size()));
  if (!batch.type_ids.empty() && batch.type_ids.size() != batch.ids.size())
    fail("there are " + std::to_string(batch.type_ids.size()) + " type ids for " + std::to_string(batch.ids.size()) + " ids");
  const size_t longest = architecture_.max_positions - architecture_.position_offset;
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    const int64_t length = offsets[b + 1] - offsets[b];
    if (length < 0 || static_cast<uint64_t>(length) > longest)
      fail("sequence " + std::to_string(b) + " has " + std::to_string(length) + " tokens; this model takes 0 to " + std::to_string(longest));
  }
  for (const int32_t id : batch.ids)
    if (id < 0 || static_cast<size_t>(id) >= architecture_.vocab_size)
      fail("token id " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(architecture_.vocab_size));
  for (const int32_t type : batch.type_ids)
    if (type < 0 || static_cast<size_t>(type) >= std::max<size_t>(1, architecture_.num_token_types))
      fail("token type " + std::to_string(type) + " is outside the model's " + std::to_string(architecture_.num_token_types));
}

void Encoder::grow(const RaggedBatch& batch) {
  const Architecture& a = architecture_;
  const size_t tokens = batch.ids.size(), num_sequences = batch.offsets.size() - 1;
  const auto at_least = [](auto& buffer, size_t size) {
    if (buffer.size() < size) buffer.resize(size);
  };
  at_least(state_.hidden, tokens * a.hidden_size);
  at_least(state_.query_key_value, tokens * 3 * a.hidden_size);
  at_least(state_.context, tokens * a.hidden_size);
  const auto length = [&](size_t b) { return static_cast<size_t>(batch.offsets[b + 1] - batch.offsets[b]); };
  size_t longest = 0;
  state_.attention_tasks.clear();
  for (size_t b = 0; b < num_sequences; ++b) {
    longest = std::max(longest, length(b));
    if (length(b))
      for (size_t head = 0; head < a.num_heads; ++head) state_.attention_tasks.push_back({b, head});
  }
  std::stable_sort(state_.attention_tasks.begin(), state_.attention_tasks.end(),
                   [&](const State::Task& x, const State::Task& y) { return length(x.sequence) > length(y.sequence); });
  for (State::Thread& thread : state_.threads) at_least(thread.attention, kernels_.attention_scratch(longest, a.hidden_size / a.num_heads));
}

void Encoder::embed(const RaggedBatch& batch, Rows rows) {
  const size_t width = architecture_.hidden_size;
  size_t sequence = static_cast<size_t>(std::upper_bound(batch.offsets.begin(), batch.offsets.end(), static_cast<int64_t>(rows.begin)) - batch.offsets.begin() - 1);
  for (size_t t = rows.begin; t < rows.begin + rows.count; ++t) {
    while (static_cast<size_t>(batch.offsets[sequence + 1]) <= t) ++sequence;
    float* out = state_.hidden.data() + t * width;
    std::fill_n(out, width, 0.0f);
    words_.add_row(static_cast<size_t>(batch.ids[t]), width, out);
    positions_.add_row(t - static_cast<size_t>(batch.offsets[sequence]) + architecture_.position_offset, width, out);
    if (types_.tensor) types_.add_row(batch.type_ids.empty() ? 0 : static_cast<size_t>(batch.type_ids[t]), width, out);
  }
  float* out = state_.hidden.data() + rows.begin * width;
  kernels_.layer_norm(out, nullptr, embedding_norm_.weight.data(), embedding_norm_.bias.data(), architecture_.norm_epsilon, rows.count, width, out);
}

void Encoder::project(const PackedLinear& linear, const float* x, size_t rows, State::Thread& thread, float* out, Activation activation) {
  kernels_.prepare(precision_, x, linear.depth_k, rows, linear.depth_k, linear.padded_k, thread.items.data(), thread.scales.data());
  kernels_.linear(linear, thread.items.data(), thread.scales.data(), rows, out, linear.rows_n, activation);
}

void Encoder::finish_layer(const Layer& layer, Rows rows, State::Thread& thread) {
  const size_t width = architecture_.hidden_size, n = rows.count;
  const float epsilon = architecture_.norm_epsilon;
  float *hidden = state_.hidden.data() + rows.begin * width, *narrow = thread.narrow.data(), *wide = thread.wide.data();
  project(layer.attention_output, state_.context.data() + rows.begin * width, n, thread, narrow, Activation::kNone);
  kernels_.layer_norm(hidden, narrow, layer.attention_norm.weight.data(), layer.attention_norm.bias.data(), epsilon, n, width, hidden);
  project(layer.up, hidden, n, thread, wide, Activation::kGelu);
  project(layer.down, wide, n, thread, narrow, Activation::kNone);
  kernels_.layer_norm(hidden, narrow, layer.output_norm.weight.data(), layer.output_norm.bias.data(), epsilon, n, width, hidden);
}

void Encoder::attend(const RaggedBatch& batch, State::Task task, State::Thread& thread) {
  const size_t width = architecture_.hidden_size, size = width / architecture_.num_heads;
  const size_t begin = static_cast<size_t>(batch.offsets[task.sequence]), end = static_cast<size_t>(batch.offsets[task.sequence + 1]);
  const float* query = state_.query_key_value.data() + begin * 3 * width + task.head * size;
  const AttentionShape shape{end - begin, size, 3 * width, width, 1 / std::sqrt(static_cast<float>(size))};
  // bf16 only where it is fast: elsewhere it would cost accuracy and time both.
  const bool reduced = precision_ != Precision::kFp32 && (precision_ == Precision::kBf16 || is_native(kernels_, Precision::kBf16));
  kernels_.attention(query, query + width, query + 2 * width, shape, reduced, thread.attention.data(), state_.context.data() + begin * width + task.head * size);
}

void Encoder::run(const RaggedBatch& batch) {
  grow(batch);
  const size_t tokens = batch.ids.size(), width = architecture_.hidden_size;
  const bool alone = tokens <= kAloneTokens;
  const size_t block = block_rows(tokens, alone ? 1 : team_.size()), num_blocks = (tokens + block - 1) / block;
  const auto project_qkv = [&](const Layer& layer, Rows rows, State::Thread& thread) {
    project(layer.query_key_value, state_.hidden.data() + rows.begin * width, rows.count, thread, state_.query_key_value.data() + rows.begin * 3 * width, Activation::kNone);
  };
  const auto rows_of = [&](size_t index) { return Rows{index * block, std::min(block, tokens - index * block)}; };
  team_.run(num_blocks, [&](size_t index, unsigned thread) {
    embed(batch, rows_of(index));
    project_qkv(layers_[0], rows_of(index), state_.threads[thread]);
  }, alone);
  for (size_t i = 0; i < layers_.size(); ++i) {
    team_.run(state_.attention_tasks.size(), [&](size_t index, unsigned thread) { attend(batch, state_.attention_tasks[index], state_.threads[thread]); }, alone);
    team_.run(num_blocks, [&](size_t index, unsigned thread) {
      finish_layer(layers_[i], rows_of(index), state_.threads[thread]);
      if (i + 1 < layers_.size()) project_qkv(layers_[i + 1], rows_of(index), state_.threads[thread]);
    }, alone);
  }
}

void Encoder::token_states(const RaggedBatch& batch, float* out) {
  check(batch);
  const std::lock_guard lock(mutex_);
  run(batch);
  std::copy_n(state_.hidden.data(), batch.ids.size() * architecture_.hidden_size, out);
}

void Encoder::sentence_vectors(const RaggedBatch& batch, Pooling pooling, bool normalise, float* out) {
  check(batch);
  const std::lock_guard lock(mutex_);
  run(batch);
  const size_t width = architecture_.hidden_size;
  for (size_t b = 0; b + 1 < batch.offsets.size(); ++b, out += width) {
    const size_t begin = static_cast<size_t>(batch.offsets[b]), end = static_cast<size_t>(batch.offsets[b + 1]);
    std::fill_n(out, width, 0.0f);
    if (begin == end) continue;
    const size_t last = pooling == Pooling::kCls ? begin + 1 : end;
    for (size_t t = begin; t < last; ++t)
      for (size_t i = 0; i < width; ++i) out[i] += state_.hidden[t * width + i];
    float scale = 1.0f / static_cast<float>(last - begin);
    if (normalise) {
      const float length = std::sqrt(std::inner_product(out, out + width, out, 0.0f));
      scale = length > 0 ? 1 / length : 0;
    }
    for (size_t i = 0; i < width; ++i) out[i] *= scale;
  }
}

}  // namespace inglenook
