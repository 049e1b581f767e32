// The stand-alone test of the core, built with sanitizers (-DINGLENOOK_SANITIZE=ON): every kernel of every level at odd
// sizes against the plain loop, mutated safetensors files, and a small encoder on several threads. The Python tests check
// values more closely; this one is for what sanitizers see: reads and writes outside buffers, and undefined behaviour.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>

#include "errors.hpp"
#include "transformer.hpp"
#include "weights.hpp"

using namespace inglenook;

namespace {

std::mt19937 generator(1);
int failures = 0;

void check(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "failed: %s\n", what.c_str());
  ++failures;
}

std::vector<float> random_floats(size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  float top = 0;
  for (size_t i = 0; i < a.size(); ++i) top = std::max(top, std::fabs(a[i] - b[i]));
  return top;
}

std::vector<float> run_linear(const Kernels& kernels, Precision precision, const std::vector<float>& x, const std::vector<float>& w, const std::vector<float>& bias,
                              size_t rows, size_t n, size_t k) {
  const PackedLinear linear = WeightReader::pack(kernels, precision, w.data(), bias.data(), n, k);
  std::vector<std::byte> items(rows * linear.padded_k * item_bytes(precision));
  std::vector<RowScale> scales(rows);
  std::vector<float> out(rows * n);
  kernels.prepare(precision, x.data(), k, rows, k, linear.padded_k, items.data(), scales.data());
  kernels.linear(linear, items.data(), scales.data(), rows, out.data(), n, Activation::kGelu);
  return out;
}

void test_linear(const Kernels& kernels, const Kernels& plain) {
  for (const auto& [rows, n, k] : {std::array<size_t, 3>{1, 1, 1}, {3, 33, 7}, {13, 64, 127}, {25, 97, 130}})
    for (const Precision precision : {Precision::kFp32, Precision::kBf16, Precision::kInt8}) {
      const std::vector<float> x = random_floats(rows * k), w = random_floats(n * k), bias = random_floats(n);
      const float off = largest_difference(run_linear(kernels, precision, x, w, bias, rows, n, k), run_linear(plain, precision, x, w, bias, rows, n, k));
      check(off < 2e-3f, std::string(kernels.level) + " linear is off by " + std::to_string(off));
    }
}

std::vector<float> run_attention(const Kernels& kernels, const std::vector<float>& qkv, size_t tokens, size_t size, bool reduced) {
  std::vector<float> scratch(kernels.attention_scratch(tokens, size)), out(tokens * size);
  const AttentionShape shape{tokens, size, 3 * size, size, 1 / std::sqrt(static_cast<float>(size))};
  kernels.attention(qkv.data(), qkv.data() + size, qkv.data() + 2 * size, shape, reduced, scratch.data(), out.data());
  return out;
}

void test_rest(const Kernels& kernels, const Kernels& plain) {
  for (const auto& [tokens, size] : {std::pair<size_t, size_t>{1, 7}, {33, 32}, {257, 20}})
    for (const bool reduced : {false, true}) {
      const std::vector<float> qkv = random_floats(tokens * 3 * size);
      const float off = largest_difference(run_attention(kernels, qkv, tokens, size, reduced), run_attention(plain, qkv, tokens, size, reduced));
      check(off < (reduced ? 0.05f : 1e-4f), std::string(kernels.level) + " attention is off by " + std::to_string(off));
    }
  for (const size_t width : {1, 17, 100}) {
    const std::vector<float> a = random_floats(3 * width), b = random_floats(3 * width), weight = random_floats(width), bias = random_floats(width);
    std::vector<float> ours(3 * width), theirs(3 * width);
    kernels.layer_norm(a.data(), b.data(), weight.data(), bias.data(), 1e-5f, 3, width, ours.data());
    plain.layer_norm(a.data(), b.data(), weight.data(), bias.data(), 1e-5f, 3, width, theirs.data());
    check(largest_difference(ours, theirs) < 1e-4f, std::string(kernels.level) + " layer_norm differs");
    kernels.gelu(ours.data(), ours.size());
    plain.gelu(theirs.data(), theirs.size());
    check(largest_difference(ours, theirs) < 2e-4f, std::string(kernels.level) + " gelu differs");
  }
}

std::string write_file(const std::string& name, const std::string& bytes) {
  const std::string path = "/tmp/inglenook-native-test-" + std::to_string(getpid()) + "-" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// A safetensors file of random F32 tensors.
std::string file_bytes(const std::vector<std::pair<std::string, std::vector<size_t>>>& tensors) {
  std::string header = "{", data;
  for (const auto& [name, shape] : tensors) {
    size_t count = 1;
    std::string sizes;
    for (const size_t size : shape) count *= size, sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
    const std::vector<float> values = random_floats(count);
    header += (header.size() > 1 ? "," : "") + ("\"" + name) + "\":{\"dtype\":\"F32\",\"shape\":[" + sizes + "],\"data_offsets\":[" + std::to_string(data.size()) + "," +
              std::to_string(data.size() + count * 4) + "]}";
    data.append(reinterpret_cast<const char*>(values.data()), count * 4);
  }
  header += "}";
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + header + data;
}

void test_safetensors(int count) {
  const std::string whole = file_bytes({{"a", {2, 3}}, {"b\\u00e9", {4}}});
  std::string path;
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    std::string bytes = whole;
    for (int changes = static_cast<int>(generator() % 4); changes > 0; --changes) bytes[generator() % bytes.size()] = static_cast<char>(generator());
    if (generator() % 5 == 0) bytes.resize(generator() % bytes.size());
    path = write_file("fuzz", bytes);
    try {
      const SafeTensors file(path);
      for (const Tensor& tensor : file.tensors())
        if (tensor.dtype != DType::kOther)
          for (uint64_t j = 0; j < tensor.num_elements; ++j) (void)element(tensor, j);
    } catch (const ModelFault&) {
      ++refused;
    }
  }
  unlink(path.c_str());
  check(refused > count / 4 && refused < count, "mutated files refused: " + std::to_string(refused));
}

TensorMap small_model(const Architecture& a, std::string& path) {
  const size_t h = a.hidden_size, w = a.intermediate_size;
  std::vector<std::pair<std::string, std::vector<size_t>>> tensors{{"embeddings.word", {a.vocab_size, h}}, {"embeddings.position", {a.max_positions, h}},
                                                                   {"embeddings.type", {a.num_token_types, h}}, {"embeddings.norm.weight", {h}}, {"embeddings.norm.bias", {h}}};
  for (size_t i = 0; i < a.num_layers; ++i)
    for (const auto& [role, n, k] : {std::tuple<std::string, size_t, size_t>{"query", h, h}, {"key", h, h}, {"value", h, h}, {"attention_output", h, h},
                                     {"attention_norm", h, 0}, {"up", w, h}, {"down", h, w}, {"output_norm", h, 0}}) {
      const std::string name = "layers." + std::to_string(i) + "." + role;
      tensors.push_back({name + ".weight", k ? std::vector<size_t>{n, k} : std::vector<size_t>{n}});
      tensors.push_back({name + ".bias", {n}});
    }
  path = write_file("model", file_bytes(tensors));
  const auto file = std::make_shared<const SafeTensors>(path);
  TensorMap map;
  for (const auto& [name, shape] : tensors) map.emplace(name, TensorSource{file, name});
  return map;
}

void test_encoder(const std::string& level) {
  const Architecture architecture{24, 2, 3, 40, 50, 70, 2, 0, 1e-12f};
  std::string path;
  const TensorMap map = small_model(architecture, path);
  const std::vector<int64_t> offsets{0, 1, 1, 70, 103};
  std::vector<int32_t> ids(103), types(103);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(generator() % 50), types[i] = static_cast<int32_t>(generator() % 2);
  for (const Precision precision : {Precision::kFp32, Precision::kBf16, Precision::kInt8}) {
    std::vector<float> one(103 * 24), three(103 * 24), pooled(4 * 24);
    const RaggedBatch batch{ids, types, offsets};
    Encoder(architecture, map, precision, level, 1).token_states(batch, one.data());
    Encoder encoder(architecture, map, precision, level, 3);
    for (int i = 0; i < 20; ++i) encoder.token_states(batch, three.data());
    encoder.sentence_vectors(batch, Pooling::kMean, true, pooled.data());
    check(one == three, level + " encoder: states depend on the threads");
    check(std::all_of(pooled.begin(), pooled.end(), [](float x) { return std::isfinite(x); }), level + " encoder: not finite");
  }
  unlink(path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  test_safetensors(argc > 1 ? std::atoi(argv[1]) : 3000);
  const Kernels& plain = kernels_for("plain");
  for (const Kernels* kernels : usable_levels()) {
    test_linear(*kernels, plain);
    test_rest(*kernels, plain);
    test_encoder(kernels->level);
  }
  std::printf(failures ? "%d failures\n" : "native core: all passed\n", failures);
  return failures != 0;
}
