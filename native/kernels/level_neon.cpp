#include "level.hpp"

namespace inglenook {
extern const Kernels kernels_neon;
const Kernels kernels_neon = table("neon");
}  // namespace inglenook
