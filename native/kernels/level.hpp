// Included once by each level_*.cpp: the table of the level being compiled.
#pragma once

#include "attention.hpp"
#include "gelu.hpp"
#include "layer_norm.hpp"
#include "linear.hpp"
#include "prepare.hpp"

namespace inglenook {
namespace {

constexpr Kernels table(const char* level) {
  void (*const gelu_rows)(float*, size_t) = gelu;
  return {level, kPanel, shape_linear, store_row, prepare, linear, gelu_rows, layer_norm, attention, attention_scratch};
}

}  // namespace
}  // namespace inglenook
