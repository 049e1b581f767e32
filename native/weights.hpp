// From named tensors to packed weights: names, shapes and storage types are checked here, once, at load.
#pragma once

#include "transformer.hpp"

namespace inglenook {

// Finds tensors by canonical name and checks their shapes; every fault names the tensor and its file.
class WeightReader {
 public:
  WeightReader(const TensorMap& tensors, const Kernels& kernels, ThreadTeam& team) : tensors_(tensors), kernels_(kernels), team_(team) {}

  struct Found {
    std::shared_ptr<const SafeTensors> file;
    const Tensor* tensor;
    const Tensor* scales;   // (rows) of an I8 tensor, else null
  };
  Found find(const std::string& name, const std::vector<uint64_t>& shape) const;
  std::vector<float> vector(const std::string& name, size_t size) const;

  // A product of float weights (N, K) and a bias (N) that are in memory.
  static PackedLinear pack(const Kernels& kernels, Precision precision, const float* weight, const float* bias, size_t n, size_t k);

  // Stacks the (N_i, K) weights and (N_i) biases of `names` ("x" stands for x.weight and x.bias) into one product.
  PackedLinear linear(const std::vector<std::string>& names, size_t rows_each, size_t k, Precision precision) const;

 private:
  const TensorMap& tensors_;
  const Kernels& kernels_;
  ThreadTeam& team_;
};

}  // namespace inglenook
