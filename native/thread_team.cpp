#include "thread_team.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>

namespace inglenook {
namespace {

// How long an idle worker looks for the next job before it sleeps: longer than the gap between two runs of one batch,
// short enough that an idle program uses no core.
constexpr auto kSpinTime = std::chrono::microseconds(100);

void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

unsigned usable_cores() {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) return static_cast<unsigned>(std::max(1, CPU_COUNT(&cores)));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

ThreadTeam::ThreadTeam(unsigned num_threads) {
  if (num_threads == 0) num_threads = usable_cores();
  for (unsigned thread = 1; thread < num_threads; ++thread) workers_.emplace_back([this, thread] { work(thread); });
}

ThreadTeam::~ThreadTeam() {
  stopping_.store(true);
  epoch_.fetch_add(1);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::run_job(size_t count, Call call, const void* context) {
  call_ = call;
  context_ = context;
  count_ = count;
  next_.store(0, std::memory_order_relaxed);
  working_.store(static_cast<unsigned>(workers_.size()), std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  take_tasks(0);
  for (unsigned spins = 0; working_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < 4096) pause_core();
    else std::this_thread::yield();
  }
}

void ThreadTeam::take_tasks(unsigned thread) {
  for (size_t index; (index = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) call_(context_, index, thread);
}

void ThreadTeam::work(unsigned thread) {
  for (unsigned seen = 0;;) {
    const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
    while (epoch_.load(std::memory_order_acquire) == seen) {
      for (int i = 0; i < 64 && epoch_.load(std::memory_order_relaxed) == seen; ++i) pause_core();
      if (std::chrono::steady_clock::now() > deadline) epoch_.wait(seen, std::memory_order_acquire);
    }
    seen = epoch_.load(std::memory_order_acquire);
    if (stopping_.load()) return;
    take_tasks(thread);
    working_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace inglenook
