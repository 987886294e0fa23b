//! One order for all workers.
//!
//! A tiny dataflow of its own, built first on each worker: what any worker is told, every worker of the
//! cluster hears. Orders come through an [`Inbox`] from a thread that knows nothing of timely (a signal
//! handler, a supervisor). What one worker passes on is heard by all in its order. Orders of different processes have no
//! common order: those that install are given by one process alone, and hearing another one twice is hearing it once.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};

use serde::{Deserialize, Serialize};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::Inspect;
use timely::dataflow::operators::generic::operator::source;
use timely::dataflow::operators::vec::Broadcast;
use timely::scheduling::Activator;
use timely::worker::Worker;

/// One installation of a job. No two have the same number while the workers live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket(pub u64);

/// What workers can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Build the dataflow from the parts that lie ready under this ticket on every process.
    Install(Ticket),
    /// Take in no more frames for it, finish what is in flight, and end.
    Drain(Ticket),
    /// Let go of it: what is in flight is not finished, and not acknowledged.
    Cancel(Ticket),
    /// End when nothing is installed any more.
    Leave,
}

/// Where another thread puts orders. Clones lead to the same inbox.
#[derive(Clone, Debug)]
pub struct Orders {
    sender: Sender<Command>,
    worker: Arc<OnceLock<Thread>>,
}

/// Where one worker of a process finds the orders of other threads.
#[derive(Debug)]
pub struct Inbox {
    receiver: Receiver<Command>,
    worker: Arc<OnceLock<Thread>>,
}

/// The two ends of a way for orders. Give the inbox to the first worker of a process.
pub fn orders() -> (Orders, Inbox) {
    let (sender, receiver) = channel();
    let worker = Arc::new(OnceLock::new());
    (Orders { sender, worker: Arc::clone(&worker) }, Inbox { receiver, worker })
}

impl Orders {
    /// Tells all workers of the cluster, and wakes the one that passes it on. Orders that nobody is left to hear are void.
    pub fn give(&self, command: Command) {
        let _ = self.sender.send(command);
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }
}

/// A worker's part in the orders.
pub struct Commands {
    inbox: Option<Inbox>,
    /// What waits to be sent; none once this worker has nothing to say any more.
    told: Rc<RefCell<Option<Vec<Command>>>>,
    heard: Rc<RefCell<Vec<Command>>>,
    activator: Activator,
}

impl Commands {
    /// Builds the dataflow; each worker does so, before any other. `inbox` is for one worker of a process.
    pub fn new(worker: &mut Worker, inbox: Option<Inbox>) -> Self {
        if let Some(inbox) = &inbox {
            inbox.worker.get_or_init(thread::current);
        }
        let told = Rc::new(RefCell::new(Some(Vec::new())));
        let heard = Rc::new(RefCell::new(Vec::new()));
        let (telling, hearing) = (Rc::clone(&told), Rc::clone(&heard));
        let activator = worker.dataflow_named::<(), _, _>("Commands", |scope| {
            let mut activator = None;
            source::<_, CapacityContainerBuilder<Vec<Command>>, _, _>(scope, "Told", |capability, info| {
                activator = Some(scope.activator_for(info.address));
                let mut capability = Some(capability);
                move |output| match (telling.borrow_mut().as_mut(), &capability) {
                    (Some(told), Some(capability)) => output.session(capability).give_iterator(told.drain(..)),
                    _ => capability = None,
                }
            })
            .broadcast()
            .inspect(move |command| hearing.borrow_mut().push(*command));
            activator.expect("source calls its constructor")
        });
        Self { inbox, told, heard, activator }
    }

    /// Passes on what the inbox holds, and answers what was heard. For the worker's loop, after each step.
    pub fn poll(&mut self) -> Vec<Command> {
        let orders = self.inbox.iter().flat_map(|inbox| inbox.receiver.try_iter());
        for command in orders {
            if let Some(told) = self.told.borrow_mut().as_mut() {
                told.push(command);
                self.activator.activate();
            }
        }
        self.heard.take()
    }

    /// This worker has nothing to say any more. When all have closed, the dataflow is complete.
    pub fn close(self) {}
}

impl Drop for Commands {
    fn drop(&mut self) {
        *self.told.borrow_mut() = None;
        self.activator.activate();
    }
}
