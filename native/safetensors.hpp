// A safetensors file, mapped read-only. Every byte of its header is foreign: see safetensors.cpp for the rules.
// The map lives as long as the object; tensors point into it. A file must not be truncated while it is mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace inglenook {

enum class DType { kF32, kF16, kBF16, kI8, kOther };

struct Tensor {
  std::string name;
  std::string dtype_name;            // as the file spells it
  DType dtype = DType::kOther;       // kOther is listed but cannot be loaded as weights
  std::vector<uint64_t> shape;
  uint64_t num_elements = 0;
  const std::byte* data = nullptr;   // into the map, size_bytes long; alignment is not promised
  uint64_t size_bytes = 0;
};

// The value at `index` as float, whatever the stored type; the caller keeps index < num_elements.
float element(const Tensor& tensor, uint64_t index);

// Copies `count` values starting at `first` as floats.
void copy_floats(const Tensor& tensor, uint64_t first, uint64_t count, float* out);

class SafeTensors {
 public:
  explicit SafeTensors(const std::string& path);   // throws ModelFault
  ~SafeTensors();
  SafeTensors(const SafeTensors&) = delete;
  SafeTensors& operator=(const SafeTensors&) = delete;

  const std::string& path() const { return path_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }   // sorted by name
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return metadata_; }
  const Tensor* find(const std::string& name) const;

 private:
  std::string path_;
  std::byte* map_ = nullptr;
  uint64_t size_ = 0;
  std::vector<Tensor> tensors_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

}  // namespace inglenook
