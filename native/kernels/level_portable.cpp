#include "level.hpp"

namespace inglenook {
extern const Kernels kernels_portable;
const Kernels kernels_portable = table("portable");
}  // namespace inglenook
