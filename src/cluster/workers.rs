//! Timely's threads, from links to results.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use timely::WorkerConfig;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::thread::ThreadBuilder;
use timely::communication::allocator::zero_copy::initialize::{CommsGuard, initialize_networking_from_sockets};
use timely::communication::{AllocatorBuilder, Hooks};
use timely::execute::execute_from;
use timely::worker::Worker;

use super::link::Link;
use super::{Guard, Lost, Meeting, quiet};

/// Emptied receive slabs of 1 MiB that timely keeps for each connection; by default it keeps all, for ever.
const SLABS_KEPT: usize = 4;

impl Meeting {
    /// Runs `body` on each worker of this process: see [`run`](super::run).
    pub fn run<T, F>(self, stuck: impl Fn(&Lost) + Send + 'static, body: F) -> Result<Vec<T>, Lost>
    where
        T: Send + 'static,
        F: Fn(&mut Worker, &Guard) -> T + Send + Sync + 'static,
    {
        quiet::install();
        let machine = |error: io::Error| Lost::Machine(error.to_string());
        let (first, threads) = (self.process * self.threads, self.threads);
        let guard = Guard::new(&self.links, threads, self.grace).map_err(machine)?;
        let (builders, comms) = self.allocators(&guard).map_err(machine)?;
        let watch = guard.watch(stuck).map_err(machine)?;

        let slots: Arc<[Mutex<Option<T>>]> = (0..threads).map(|_| Mutex::new(None)).collect();
        let body = {
            let (guard, slots) = (guard.clone(), Arc::clone(&slots));
            move |worker: &mut Worker| {
                let result = guard.around(worker, &body);
                put(&slots[worker.index() - first], result);
            }
        };
        // Timely's handles panic when they are dropped after a loss: the guard knows the reason better.
        let joined = quiet::here(|| {
            catch_unwind(AssertUnwindSafe(|| {
                execute_from(builders, Box::new(comms), WorkerConfig::default(), body).map(|workers| workers.join())
            }))
        });
        guard.end();
        watch.join().expect("the watch only waits");

        match (slots.iter().map(take).collect(), joined) {
            (Some(results), _) => Ok(results),
            (None, Ok(Err(why))) => Err(Lost::Machine(why)),
            (None, _) => Err(guard.cause()),
        }
    }

    /// What timely needs to build its workers: nothing but threads without links.
    fn allocators(self, guard: &Guard) -> io::Result<(Vec<AllocatorBuilder>, Option<CommsGuard>)> {
        let mut hooks = Hooks::default();
        hooks.refill.limit = Some(SLABS_KEPT);
        let inner = ProcessBuilder::new_typed_vector(self.threads, hooks.refill.clone(), None);
        if self.links.iter().all(Option::is_none) {
            return Ok(match self.threads {
                1 => (vec![AllocatorBuilder::Thread(ThreadBuilder)], None),
                _ => (inner.into_iter().map(AllocatorBuilder::Process).collect(), None),
            });
        }
        let link = |link: Option<(_, _)>| link.map(|(peer, stream)| Link::new(stream, peer, guard.clone()));
        let links = self.links.into_iter().map(link).collect();
        let (builders, comms) = initialize_networking_from_sockets(inner, links, self.process, self.threads, hooks)?;
        Ok((builders.into_iter().map(AllocatorBuilder::Tcp).collect(), Some(comms)))
    }
}

fn put<T>(slot: &Mutex<Option<T>>, result: T) {
    *slot.lock().expect("nothing panics while it holds a slot") = Some(result);
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().expect("nothing panics while it holds a slot").take()
}
