//! Work on a thread of its own.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use operators::{Epoch, Frame, Load, Offload, Work};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::InputHandle;
use timely::dataflow::operators::{Inspect, Probe};

use super::setting::frame;

/// Catches a picture that stops a worker: the panic is an answer, and what comes after it is worked on.
#[test]
fn a_panic_in_the_work_is_an_answer() {
    struct Fragile;
    impl Work<Frame> for Fragile {
        type Done = Result<u64, String>;
        fn work(&mut self, frames: Vec<Frame>) -> Vec<Self::Done> {
            let work = |frame: Frame| if frame.number.0 == 5 { panic!("a bad picture") } else { Ok(frame.number.0) };
            frames.into_iter().map(work).collect()
        }
        fn panicked(&mut self, frames: Vec<Frame>, panic: &str) -> Vec<Self::Done> {
            frames.into_iter().map(|_| Err(panic.to_owned())).collect()
        }
    }
    let (seen, answers) = mpsc::channel();
    timely::execute_directly(move |worker| {
        let mut input = InputHandle::<Epoch, CapacityContainerBuilder<Vec<Frame>>>::new_with_builder();
        worker.dataflow(|scope| {
            let answers = input.to_stream(scope).offload("fragile", 1, Arc::default(), Fragile);
            answers.inspect(move |answer| seen.send(answer.clone()).unwrap());
        });
        (0..8).for_each(|number| input.send(frame("door", number)));
    });
    let answers: Vec<_> = answers.iter().collect();
    let expected = (0..8).map(|number| if number == 5 { Err("a bad picture".to_owned()) } else { Ok(number) });
    assert!(answers.iter().cloned().eq(expected), "{answers:?}");
}

/// Law 6. Catches work that is done on the worker's own thread: a dataflow that is installed beside a slow one must
/// not wait for it.
#[test]
fn slow_work_holds_up_no_other_dataflow() {
    struct Slow(mpsc::Receiver<()>);
    impl Work<Frame> for Slow {
        type Done = ();
        fn work(&mut self, frames: Vec<Frame>) -> Vec<()> {
            let _ = self.0.recv(); // until the other dataflow is through
            vec![(); frames.len()]
        }
        fn panicked(&mut self, frames: Vec<Frame>, _: &str) -> Vec<()> {
            vec![(); frames.len()]
        }
    }
    timely::execute_directly(|worker| {
        let load = Arc::new(Load::default());
        let (release, held) = mpsc::channel();
        let mut slow = InputHandle::<Epoch, CapacityContainerBuilder<Vec<Frame>>>::new_with_builder();
        worker.dataflow(|scope| _ = slow.to_stream(scope).offload("slow", 1, load.clone(), Slow(held)));
        slow.send(frame("door", 0));
        slow.send(frame("door", 1));
        slow.flush();
        let mut quick = InputHandle::<Epoch, CapacityContainerBuilder<Vec<u64>>>::new_with_builder();
        let (probe, ()) = worker.dataflow(|scope| {
            let (probe, _) = quick.to_stream(scope).probe();
            (probe, ())
        });
        quick.send(1);
        quick.close();
        while !probe.done() {
            worker.step(); // hangs here if the slow work holds this thread
        }
        assert_eq!(load.done(), (0, Duration::ZERO));
        while load.waiting() != 1 {
            worker.step(); // one is worked on, the other waits
        }
        drop(release);
        slow.close();
        while worker.step_or_park(None) {}
        assert_eq!((load.waiting(), load.done().0), (0, 2));
    });
}

/// Catches quick work that is handed to a thread all the same, and one whose panic takes its worker along.
#[test]
fn quick_work_is_done_where_it_comes_up() {
    struct Quick;
    impl Work<u64> for Quick {
        type Done = Option<thread::ThreadId>;
        fn work(&mut self, items: Vec<u64>) -> Vec<Self::Done> {
            let work = |item: u64| if item == 1 { panic!("one") } else { Some(thread::current().id()) };
            items.into_iter().map(work).collect()
        }
        fn is_quick(&self) -> bool {
            true
        }
        fn panicked(&mut self, items: Vec<u64>, _: &str) -> Vec<Self::Done> {
            vec![None; items.len()]
        }
    }
    let (seen, answers) = mpsc::channel();
    timely::execute_directly(move |worker| {
        let mut input = InputHandle::<Epoch, CapacityContainerBuilder<Vec<u64>>>::new_with_builder();
        worker.dataflow(|scope| {
            let answers = input.to_stream(scope).offload("quick", 1, Arc::default(), Quick);
            answers.inspect(move |answer| seen.send(*answer).unwrap());
        });
        for item in 0..3 {
            input.send(item);
            input.advance_to(item + 1);
            worker.step();
        }
    });
    let here = Some(thread::current().id());
    assert!(answers.iter().eq([here, None, here]));
}
