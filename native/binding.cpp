// The only file that knows Python. Arrays cross with their dtype, rank and layout in the type and are never converted;
// their owner is Python, and C++ borrows them for the length of the call. The lock of the interpreter is released around
// everything that computes or reads files.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/unordered_map.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <algorithm>

#include "errors.hpp"
#include "transformer.hpp"
#include "weights.hpp"

namespace nb = nanobind;
using namespace inglenook;

namespace {

using Ints = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Longs = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using NumpyMatrix = nb::ndarray<nb::numpy, float, nb::ndim<2>, nb::c_contig>;
using NumpyVector = nb::ndarray<nb::numpy, float, nb::ndim<1>, nb::c_contig>;

// A new numpy array (rows, columns), not initialised.
NumpyMatrix new_matrix(size_t rows, size_t columns) {
  auto values = std::make_unique<float[]>(rows * columns + 1);
  float* data = values.get();
  nb::capsule owner(values.release(), [](void* p) noexcept { delete[] static_cast<float*>(p); });
  return NumpyMatrix(data, {rows, columns}, owner);
}

Precision precision_of(const std::string& name) {
  if (name == "fp32") return Precision::kFp32;
  if (name == "bf16") return Precision::kBf16;
  if (name == "int8") return Precision::kInt8;
  throw UsageFault("precision is '" + name + "'; choose fp32, bf16 or int8");
}

RaggedBatch batch_of(const Ints& ids, const Ints& type_ids, const Longs& offsets) {
  return {{ids.data(), ids.size()}, {type_ids.data(), type_ids.size()}, {offsets.data(), offsets.size()}};
}

using Source = std::pair<std::shared_ptr<SafeTensors>, std::string>;

std::unique_ptr<Encoder> make_encoder(const Architecture& architecture, const std::unordered_map<std::string, Source>& tensors, const std::string& precision,
                                      const std::string& level, unsigned threads) {
  const nb::gil_scoped_release release;
  TensorMap map;
  for (const auto& [name, source] : tensors) map.emplace(name, TensorSource{source.first, source.second});
  return std::make_unique<Encoder>(architecture, map, precision_of(precision), level, threads);
}

NumpyMatrix token_states(Encoder& encoder, Ints ids, Ints type_ids, Longs offsets) {
  NumpyMatrix out = new_matrix(ids.size(), encoder.architecture().hidden_size);
  const nb::gil_scoped_release release;
  encoder.token_states(batch_of(ids, type_ids, offsets), out.data());
  return out;
}

NumpyMatrix sentence_vectors(Encoder& encoder, Ints ids, Ints type_ids, Longs offsets, const std::string& pooling, bool normalise) {
  if (pooling != "mean" && pooling != "cls") throw UsageFault("pooling is '" + pooling + "'; choose mean or cls");
  NumpyMatrix out = new_matrix(offsets.size() ? offsets.size() - 1 : 0, encoder.architecture().hidden_size);
  const nb::gil_scoped_release release;
  encoder.sentence_vectors(batch_of(ids, type_ids, offsets), pooling == "mean" ? Pooling::kMean : Pooling::kCls, normalise, out.data());
  return out;
}

// ---- Single kernels, for tests and measurements ----

void want(bool holds, const char* what) {
  if (!holds) throw UsageFault(what);
}

NumpyMatrix kernel_linear(const std::string& level, const std::string& precision, Matrix x, Matrix weight, Vector bias, bool gelu) {
  const Kernels& kernels = kernels_for(level);
  const Precision kind = precision_of(precision);
  const size_t rows = x.shape(0), n = weight.shape(0), k = weight.shape(1);
  want(x.shape(1) == k && bias.shape(0) == n, "x, weight and bias do not fit together");
  PackedLinear linear = WeightReader::pack(kernels, kind, weight.data(), bias.data(), n, k);
  std::vector<std::byte> items(rows * linear.padded_k * item_bytes(kind));
  std::vector<RowScale> scales(rows);
  NumpyMatrix out = new_matrix(rows, n);
  kernels.prepare(kind, x.data(), k, rows, k, linear.padded_k, items.data(), scales.data());
  kernels.linear(linear, items.data(), scales.data(), rows, out.data(), n, gelu ? Activation::kGelu : Activation::kNone);
  return out;
}

NumpyMatrix kernel_gelu(const std::string& level, Matrix x) {
  NumpyMatrix out = new_matrix(x.shape(0), x.shape(1));
  std::copy_n(x.data(), x.size(), out.data());
  kernels_for(level).gelu(out.data(), x.size());
  return out;
}

NumpyMatrix kernel_layer_norm(const std::string& level, Matrix a, Matrix b, Vector weight, Vector bias, float epsilon) {
  want(a.shape(1) == weight.shape(0) && a.shape(1) == bias.shape(0) && (b.size() == 0 || (b.shape(0) == a.shape(0) && b.shape(1) == a.shape(1))),
       "a, b, weight and bias do not fit together");
  NumpyMatrix out = new_matrix(a.shape(0), a.shape(1));
  kernels_for(level).layer_norm(a.data(), b.size() ? b.data() : nullptr, weight.data(), bias.data(), epsilon, a.shape(0), a.shape(1), out.data());
  return out;
}

NumpyMatrix kernel_attention(const std::string& level, Matrix q, Matrix k, Matrix v, float scale, bool reduced) {
  want(q.shape(0) == k.shape(0) && q.shape(0) == v.shape(0) && q.shape(1) == k.shape(1) && q.shape(1) == v.shape(1), "q, k and v differ in shape");
  const Kernels& kernels = kernels_for(level);
  const AttentionShape shape{q.shape(0), q.shape(1), q.shape(1), q.shape(1), scale};
  std::vector<float> scratch(kernels.attention_scratch(shape.tokens, shape.head_size));
  NumpyMatrix out = new_matrix(shape.tokens, shape.head_size);
  kernels.attention(q.data(), k.data(), v.data(), shape, reduced, scratch.data(), out.data());
  return out;
}

std::vector<std::string> levels() {
  std::vector<std::string> names;
  for (const Kernels* kernels : usable_levels()) names.emplace_back(kernels->level);
  return names;
}

template <class Fault>
void map_fault(const char* python_name) {
  nb::register_exception_translator(
      [](const std::exception_ptr& error, void* name) {
        try {
          std::rethrow_exception(error);
        } catch (const Fault& fault) {
          const nb::object type = nb::module_::import_("inglenook.core.errors").attr(static_cast<const char*>(name));
          PyErr_SetString(type.ptr(), fault.what());
        }
      },
      const_cast<char*>(python_name));
}

}  // namespace

NB_MODULE(_native, module) {
  module.doc() = "The native core: safetensors by mapping, kernels by instruction set, the transformer encoder.";
  map_fault<ModelFault>("ModelError");
  map_fault<UsageFault>("UsageError");

  nb::class_<SafeTensors>(module, "SafeTensors", "A safetensors file, mapped and checked.")
      .def(nb::init<const std::string&>(), nb::arg("path"), nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro("path", &SafeTensors::path)
      .def_prop_ro("metadata", &SafeTensors::metadata, "The header's __metadata__, in the file's order.")
      .def_prop_ro(
          "tensors",
          [](const SafeTensors& file) {
            std::vector<std::tuple<std::string, std::string, std::vector<uint64_t>>> rows;
            for (const Tensor& tensor : file.tensors()) rows.emplace_back(tensor.name, tensor.dtype_name, tensor.shape);
            return rows;
          },
          "Each tensor's (name, dtype, shape), by name.");

  nb::class_<Architecture>(module, "Architecture", "The sizes that the encoder's arithmetic needs.")
      .def(nb::new_([](size_t hidden_size, size_t num_layers, size_t num_heads, size_t intermediate_size, size_t vocab_size, size_t max_positions,
                       size_t num_token_types, size_t position_offset, float norm_epsilon) {
             return Architecture{hidden_size, num_layers, num_heads, intermediate_size, vocab_size, max_positions, num_token_types, position_offset, norm_epsilon};
           }),
           nb::kw_only(), nb::arg("hidden_size"), nb::arg("num_layers"), nb::arg("num_heads"), nb::arg("intermediate_size"), nb::arg("vocab_size"),
           nb::arg("max_positions"), nb::arg("num_token_types"), nb::arg("position_offset"), nb::arg("norm_epsilon"));

  nb::class_<Encoder>(module, "Encoder", "A BERT-family encoder with packed weights and its own threads.")
      .def(nb::new_(&make_encoder), nb::arg("architecture"), nb::arg("tensors"), nb::arg("precision"), nb::arg("level"), nb::arg("threads"),
           "Pack the weights: canonical tensor name -> (file, name in it).")
      .def("token_states", &token_states, nb::arg("ids").noconvert(), nb::arg("type_ids").noconvert(), nb::arg("offsets").noconvert(),
           "Return the last layer's states (T, hidden) of ragged sequences; empty type_ids stand for zeros.")
      .def("sentence_vectors", &sentence_vectors, nb::arg("ids").noconvert(), nb::arg("type_ids").noconvert(), nb::arg("offsets").noconvert(),
           nb::arg("pooling"), nb::arg("normalise"), "Return one pooled vector (B, hidden) per sequence.")
      .def_prop_ro("level", &Encoder::level)
      .def_prop_ro("num_threads", &Encoder::num_threads);

  module.def("levels", &levels, "Return the instruction-set levels this machine can run, slowest first.");
  module.def(
      "is_native", [](const std::string& level, const std::string& precision) { return is_native(kernels_for(level), precision_of(precision)); },
      nb::arg("level"), nb::arg("precision"), "Return whether the level has instructions made for the precision.");
  module.def("kernel_linear", &kernel_linear, nb::arg("level"), nb::arg("precision"), nb::arg("x").noconvert(), nb::arg("weight").noconvert(),
             nb::arg("bias").noconvert(), nb::arg("gelu"), "Return x W^T + b, for tests.");
  module.def("kernel_gelu", &kernel_gelu, nb::arg("level"), nb::arg("x").noconvert(), "Return gelu(x), for tests.");
  module.def("kernel_layer_norm", &kernel_layer_norm, nb::arg("level"), nb::arg("a").noconvert(), nb::arg("b").noconvert(), nb::arg("weight").noconvert(),
             nb::arg("bias").noconvert(), nb::arg("epsilon"), "Return layer_norm(a + b), for tests; an empty b is none.");
  module.def("kernel_attention", &kernel_attention, nb::arg("level"), nb::arg("q").noconvert(), nb::arg("k").noconvert(), nb::arg("v").noconvert(),
             nb::arg("scale"), nb::arg("reduced"), "Return one head's attention, for tests.");
}
