#include "thread_team.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>

namespace inglenook {
namespace {

// How long an idle worker looks for the next job before it sleeps: longer than the gap between two runs of one batch,
// short enough that an idle program uses no core.
constexpr auto kSpinTime = std::chrono::microseconds(100);
// How often the caller looks for the last task's end before it offers its core to others: some 50 microseconds.
constexpr unsigned kCallerSpins = 4096;

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
  job_.fetch_add(1);
  job_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::run_job(size_t count, Call call, const void* context) {
  const uint32_t job = job_.load(std::memory_order_relaxed) + 1;
  call_ = call;
  context_ = context;
  count_ = count;
  undone_.store(count, std::memory_order_relaxed);
  tickets_.store(uint64_t{job} << 32 | count, std::memory_order_release);
  job_.store(job, std::memory_order_release);
  job_.notify_all();
  take_tasks(job, 0);
  for (unsigned spins = 0; undone_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < kCallerSpins) pause_core();
    else std::this_thread::yield();
  }
}

void ThreadTeam::take_tasks(uint32_t job, unsigned thread) {
  size_t done = 0;
  uint64_t tickets = tickets_.load(std::memory_order_acquire);
  while (tickets >> 32 == job && static_cast<uint32_t>(tickets) != 0) {
    if (!tickets_.compare_exchange_weak(tickets, tickets - 1, std::memory_order_acquire)) continue;
    call_(context_, count_ - static_cast<uint32_t>(tickets), thread);
    ++done;
    tickets = tickets_.load(std::memory_order_acquire);
  }
  if (done) undone_.fetch_sub(done, std::memory_order_release);
}

void ThreadTeam::work(unsigned thread) {
  for (uint32_t seen = 0;;) {
    const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
    while (job_.load(std::memory_order_acquire) == seen) {
      for (int i = 0; i < 64 && job_.load(std::memory_order_relaxed) == seen; ++i) pause_core();
      if (std::chrono::steady_clock::now() > deadline) job_.wait(seen, std::memory_order_acquire);
    }
    seen = job_.load(std::memory_order_acquire);
    if (stopping_.load()) return;
    take_tasks(seen, thread);
  }
}

}  // namespace inglenook
