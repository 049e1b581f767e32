// A fixed team of threads that shares numbered tasks.
//
// run(count, task) calls task(index, thread) once for each index below count and returns when all are done. Threads take
// the next index as they become free, so a core that another process takes away costs only its share; which thread does
// a task must therefore never change its result. Workers spin for a short while between runs (a model has some twelve
// runs per batch, microseconds apart) and then sleep. One run at a time: the caller serialises. Tasks must not throw.
#pragma once

#include <atomic>
#include <cstddef>
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

  template <class Task>
  void run(size_t count, const Task& task) {
    if (count <= 1 || workers_.empty()) {
      for (size_t i = 0; i < count; ++i) task(i, 0u);
      return;
    }
    run_job(count, [](const void* context, size_t index, unsigned thread) { (*static_cast<const Task*>(context))(index, thread); }, &task);
  }

 private:
  using Call = void (*)(const void* context, size_t index, unsigned thread);

  void run_job(size_t count, Call call, const void* context);
  void take_tasks(unsigned thread);
  void work(unsigned thread);

  // The job: written before `epoch_` is raised, read after it was seen raised.
  Call call_ = nullptr;
  const void* context_ = nullptr;
  size_t count_ = 0;
  alignas(64) std::atomic<size_t> next_{0};      // the next index to take
  alignas(64) std::atomic<unsigned> working_{0};  // workers that have not finished this job
  alignas(64) std::atomic<unsigned> epoch_{0};   // grows by one per job; workers wait on it
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace inglenook
