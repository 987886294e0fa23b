//! Exchange of 200 KB frames between two processes: `FrameBatch` against what serde makes of a `Vec<u8>`, and
//! against abomonation's best possible path. One run, so that the ratios mean something on a busy machine:
//!
//! ```text
//! cargo bench --bench exchange
//! ```
//!
//! Why abomonation is not used (DESIGN.md, law 8): it decodes in place, in a `&mut [u8]`, and timely's received
//! bytes are shared and can't be written. So it costs a copy into an owned buffer and a clone of what was decoded
//! there, the two copies it was made to avoid; it is undefined behaviour by design (RUSTSEC-2021-0120), and
//! nobody maintains it. `FrameBatch` writes a payload once and reads it without a copy.

#![allow(unsafe_code, reason = "abomonation's two functions are unsafe; this is the one place that calls them")]

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, exit};
use std::time::{Duration, Instant};

use operators::{Frame, FrameBatch, Number};
use timely::bytes::arc::Bytes as Slab;
use timely::container::{CapacityContainerBuilder, DrainContainer, PushInto, SizableContainer};
use timely::dataflow::channels::ContainerBytes;
use timely::dataflow::channels::pact::ExchangeCore;
use timely::dataflow::operators::{Operator, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};
use timely::worker::Worker;
use timely::{Accountable, Container};
use vigie::cluster::{Cluster, Guard, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a frame.
const SIZE: usize = 200_000;
/// Frames that share a timestamp, as those that arrive in one tick do.
const TOGETHER: u64 = 5;
/// Frames in flight.
const WINDOW: u64 = 20;
/// How long each way is measured, after a fifth of it to warm up.
const TIME: Duration = Duration::from_secs(5);

/// The ways, the one to compare with first.
const WAYS: [&str; 3] = ["Vec<u8> under serde", "abomonation", "FrameBatch"];

/// A frame as one would write it without a thought: number and bytes.
type Plain = (u64, Vec<u8>);

fn main() {
    if let Ok(role) = std::env::var("VIGIE_BENCH_ROLE") {
        let (way, addresses) = role.split_once('|').expect("a way and addresses");
        process(way, addresses, 1);
        return;
    }
    println!("exchange of {SIZE} B frames between two processes, {WINDOW} in flight, one worker each");
    let mut base = None;
    for way in WAYS {
        let rate = measure(way);
        let ratio = rate / *base.get_or_insert(rate);
        println!("{way:>20}: {rate:>8.0} frames/s {:>7.0} MB/s {ratio:>6.1} ×", rate * SIZE as f64 / 1e6);
    }
}

/// Frames a second, from this process to one that it starts.
fn measure(way: &str) -> f64 {
    let doors = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let addresses = doors.each_ref().map(|door| door.local_addr().expect("an address").to_string()).join(" ");
    drop(doors);
    let mut other = Command::new(std::env::current_exe().expect("a program"))
        .env("VIGIE_BENCH_ROLE", format!("{way}|{addresses}"))
        .spawn()
        .expect("a second process");
    let rate = process(way, &addresses, 0);
    other.wait().expect("its end");
    rate
}

/// One of the two processes. Process 0 sends.
fn process(way: &str, addresses: &str, process: usize) -> f64 {
    let addresses = addresses.split(' ').map(String::from).collect();
    let cluster = Cluster { addresses, process, threads: 1, token: "".into(), ..Cluster::default() };
    let template: Vec<u8> = (0..SIZE).map(|index| (index * 31 % 251) as u8).collect();
    let plain = {
        let template = template.clone();
        move |number| (number, template.clone())
    };
    let frame = move |number| Frame {
        received_at: Default::default(),
        ..Frame::new(
            "door-1".into(),
            Number(number),
            "0123456789abcdef".into(),
            bytes::Bytes::copy_from_slice(&template),
        )
    };
    let (count_plain, count_frame) = (|(_, bytes): &Plain| bytes.len(), |frame: &Frame| frame.bytes.len());
    let stuck = |_: &_| exit(1);
    let hash = blake3::hash(way.as_bytes());
    let way = way.to_string();
    let rates = run(&cluster, hash, stuck, move |worker, guard| match way.as_str() {
        "FrameBatch" => send::<FrameBatch, _>(worker, guard, &frame, count_frame),
        "abomonation" => send::<Abomonated, _>(worker, guard, &plain, count_plain),
        _ => send::<Vec<Plain>, _>(worker, guard, &plain, count_plain),
    });
    rates.unwrap_or_else(|lost| panic!("{lost}"))[0]
}

/// Sends what `make` makes from worker 0 to worker 1, and answers records a second.
fn send<C, D>(worker: &mut Worker, guard: &Guard, make: &impl Fn(u64) -> D, size: fn(&D) -> usize) -> f64
where
    C: Container
        + Clone
        + SizableContainer
        + ContainerBytes
        + Send
        + PushInto<D>
        + for<'a> DrainContainer<Item<'a> = D>,
    D: 'static,
{
    let mut input = InputHandle::<u64, CapacityContainerBuilder<C>>::new();
    let probe = ProbeHandle::new();
    worker.dataflow::<u64, _, _>(|scope| {
        let to_one = ExchangeCore::<CapacityContainerBuilder<C>, _>::new_core(|_: &D| 1);
        input
            .to_stream(scope)
            .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(to_one, "Take", |_, _| {
                move |input, _| {
                    input.for_each(|_, data| data.drain().for_each(|record| assert_eq!(size(&record), SIZE)));
                }
            })
            .probe_with(&probe);
    });
    let (mut begun, mut warm) = (Instant::now(), None);
    let mut epoch = 0;
    // The other process has nothing to send: it closes its input and takes what comes.
    while worker.index() == 0 && (warm.is_none() || begun.elapsed() < TIME) {
        if warm.is_none() && begun.elapsed() > TIME / 5 {
            (begun, warm) = (Instant::now(), Some(epoch));
        }
        (0..TOGETHER).for_each(|index| input.send(make(epoch * TOGETHER + index)));
        epoch += 1;
        input.advance_to(epoch);
        while probe.less_than(&epoch.saturating_sub(WINDOW / TOGETHER - 1)) {
            guard.check();
            worker.step_or_park(None);
        }
    }
    let sent = (epoch - warm.unwrap_or(epoch)) * TOGETHER;
    let rate = sent as f64 / begun.elapsed().as_secs_f64();
    input.close();
    while !probe.done() {
        guard.check();
        worker.step_or_park(None);
    }
    rate
}

/// Frames as abomonation would move them, with a capacity in bytes as `FrameBatch` has it: its best possible path.
#[derive(Clone, Default)]
struct Abomonated {
    frames: Vec<Plain>,
    bytes: usize,
}

impl Accountable for Abomonated {
    fn record_count(&self) -> i64 {
        self.frames.len() as i64
    }
}

impl DrainContainer for Abomonated {
    type Item<'a> = Plain;
    type DrainIter<'a> = std::vec::Drain<'a, Plain>;
    fn drain(&mut self) -> Self::DrainIter<'_> {
        self.bytes = 0;
        self.frames.drain(..)
    }
}

impl SizableContainer for Abomonated {
    fn at_capacity(&self) -> bool {
        self.bytes >= 1 << 20
    }
    fn ensure_capacity(&mut self, _: &mut Option<Self>) {}
}

impl PushInto<Plain> for Abomonated {
    fn push_into(&mut self, frame: Plain) {
        self.bytes += frame.1.len();
        self.frames.push(frame);
    }
}

impl ContainerBytes for Abomonated {
    fn length_in_bytes(&self) -> usize {
        abomonation::measure(&self.frames).next_multiple_of(8)
    }

    fn into_bytes<W: Write>(&self, writer: &mut W) {
        // SAFETY: none that holds in general; abomonation writes a Vec's pointers and padding as they lie in memory.
        unsafe { abomonation::encode(&self.frames, writer) }.expect("timely's buffers take all that was announced");
        let length = abomonation::measure(&self.frames);
        let padding = length.next_multiple_of(8) - length;
        writer.write_all(&[0; 8][..padding]).expect("timely's buffers take all that was announced");
    }

    fn from_bytes(slab: Slab) -> Self {
        // The first copy: the slab is shared, and abomonation writes into what it decodes.
        let mut owned = slab.to_vec();
        // SAFETY: `into_bytes` of the same program wrote it; the allocator aligns what is this large to 8 and more.
        let (frames, _) = unsafe { abomonation::decode::<Vec<Plain>>(&mut owned) }.expect("a whole message");
        // The second copy: what was decoded lives only as long as the buffer.
        let frames = frames.clone();
        let bytes = frames.iter().map(|(_, bytes)| bytes.len()).sum();
        Self { frames, bytes }
    }
}
