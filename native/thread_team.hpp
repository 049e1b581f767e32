// A fixed team of threads that shares numbered tasks.
//
// run(count, task) calls task(index, thread) once for each index below count and returns when all are done. Threads take
// the next index as they become free, so a core that another process takes away costs only its share; which thread does
// a task must therefore never change its result. The caller waits for tasks, not for threads: a worker that sleeps or is
// not given a core takes nothing and holds nobody up. Workers spin for a short while between runs (a model has some
// twelve runs per batch, microseconds apart) and then sleep. One run at a time: the caller serialises. Tasks must not throw.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace inglenook {

class ThreadTeam {
 public:
  explicit ThreadTeam(unsigned num_threads);   // 0: one per core this process may use
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  unsigned size() const { return static_cast<unsigned>(workers_.size()) + 1; }

  // With `alone` the caller does all tasks itself: faster where the work is shorter than waking a thread. At most 2^32 - 1 tasks.
  template <class Task>
  void run(size_t count, const Task& task, bool alone = false) {
    if (count <= 1 || workers_.empty() || alone) {
      for (size_t i = 0; i < count; ++i) task(i, 0u);
      return;
    }
    run_job(count, [](const void* context, size_t index, unsigned thread) { (*static_cast<const Task*>(context))(index, thread); }, &task);
  }

 private:
  using Call = void (*)(const void* context, size_t index, unsigned thread);

  void run_job(size_t count, Call call, const void* context);
  void take_tasks(uint32_t job, unsigned thread);
  void work(unsigned thread);

  // The job: written before its tickets are out, and not again before all of its tasks are done.
  Call call_ = nullptr;
  const void* context_ = nullptr;
  size_t count_ = 0;
  // Number of the job << 32 | tasks nobody has taken. Taking one means lowering it by one, which fails once the job is over.
  alignas(64) std::atomic<uint64_t> tickets_{0};
  alignas(64) std::atomic<size_t> undone_{0};    // tasks of the job not done yet
  alignas(64) std::atomic<uint32_t> job_{0};     // the job's number; workers wait for it to change
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace inglenook
