// The two kinds of fault the core raises; binding.cpp turns them into the package's Python errors.
#pragma once

#include <stdexcept>

namespace inglenook {

// A model file is damaged, truncated or not what its specification says (Python: ModelError).
struct ModelFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The caller passed something that cannot be computed (Python: UsageError).
struct UsageFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace inglenook
