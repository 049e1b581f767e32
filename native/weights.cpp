#include "weights.hpp"

#include <algorithm>
#include <cstring>

#include "errors.hpp"

namespace inglenook {
namespace {

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

constexpr size_t kRowsPerTask = 64;

PackedLinear empty_linear(const Kernels& kernels, Precision precision, size_t n, size_t k) {
  PackedLinear linear;
  kernels.shape_linear(linear, n, k, precision);
  linear.storage.resize(linear.padded_n * linear.padded_k * item_bytes(precision) + 63);
  linear.panels = linear.storage.data() + (64 - reinterpret_cast<uintptr_t>(linear.storage.data()) % 64) % 64;
  linear.bias.resize(linear.padded_n);
  linear.scales.resize(linear.padded_n);
  linear.totals.resize(linear.padded_n);
  linear.starts.resize(linear.padded_n);
  return linear;
}

}  // namespace

WeightReader::Found WeightReader::find(const std::string& name, const std::vector<uint64_t>& shape) const {
  const auto source = tensors_.find(name);
  if (source == tensors_.end()) throw ModelFault("the model maps no tensor to '" + name + "'");
  const auto& [file, file_name] = source->second;
  const Tensor* tensor = file->find(file_name);
  if (!tensor) throw ModelFault(file->path() + ": has no tensor '" + file_name + "', which the model's configuration calls for");
  if (tensor->shape != shape)
    throw ModelFault(file->path() + ": '" + file_name + "' has shape " + shape_text(tensor->shape) + ", the model's configuration asks for " +
                     shape_text(shape));
  if (tensor->dtype == DType::kOther)
    throw ModelFault(file->path() + ": '" + file_name + "' has type " + tensor->dtype_name + "; weights are F32, F16, BF16, or I8 with scales");
  const Tensor* scales = nullptr;
  if (tensor->dtype == DType::kI8) {
    scales = file->find(file_name + ".scale");
    if (!scales || scales->dtype != DType::kF32 || scales->shape != std::vector<uint64_t>{shape[0]})
      throw ModelFault(file->path() + ": '" + file_name + "' is I8 and needs '" + file_name + ".scale', F32 of shape (" + std::to_string(shape[0]) + ")");
  }
  return {file, tensor, scales};
}

std::vector<float> WeightReader::vector(const std::string& name, size_t size) const {
  const Found found = find(name, {size});
  if (found.scales) throw ModelFault(found.file->path() + ": '" + found.tensor->name + "' is I8; a vector is F32, F16 or BF16");
  std::vector<float> values(size);
  copy_floats(*found.tensor, 0, size, values.data());
  return values;
}

PackedLinear WeightReader::pack(const Kernels& kernels, Precision precision, const float* weight, const float* bias, size_t n, size_t k) {
  PackedLinear linear = empty_linear(kernels, precision, n, k);
  std::vector<float> scratch(linear.padded_k);
  std::copy_n(bias, n, linear.bias.begin());
  for (size_t row = 0; row < n; ++row) kernels.store_row(linear, row, {weight + row * k, nullptr, 0}, scratch.data());
  return linear;
}

PackedLinear WeightReader::linear(const std::vector<std::string>& names, size_t rows_each, size_t k, Precision precision) const {
  PackedLinear linear = empty_linear(kernels_, precision, names.size() * rows_each, k);
  std::vector<Found> found;
  for (size_t part = 0; part < names.size(); ++part) {
    found.push_back(find(names[part] + ".weight", {rows_each, k}));
    const std::vector<float> bias = vector(names[part] + ".bias", rows_each);
    std::copy(bias.begin(), bias.end(), linear.bias.begin() + static_cast<std::ptrdiff_t>(part * rows_each));
  }
  const size_t tasks = (linear.rows_n + kRowsPerTask - 1) / kRowsPerTask;
  std::vector<std::vector<float>> rows(team_.size(), std::vector<float>(k + linear.padded_k));   // a row, then scratch
  team_.run(tasks, [&](size_t task, unsigned thread) {
    for (size_t row = task * kRowsPerTask; row < std::min(linear.rows_n, (task + 1) * kRowsPerTask); ++row) {
      const Found& part = found[row / rows_each];
      const size_t at = row % rows_each;
      float *values = rows[thread].data(), *scratch = values + k;
      if (part.scales) {
        const auto* stored = reinterpret_cast<const int8_t*>(part.tensor->data) + at * k;
        kernels_.store_row(linear, row, {nullptr, stored, element(*part.scales, at)}, scratch);
      } else {
        copy_floats(*part.tensor, at * k, k, values);
        kernels_.store_row(linear, row, {values, nullptr, 0}, scratch);
      }
    }
  });
  return linear;
}

}  // namespace inglenook
