//! When a source that makes its frames itself gives the next one.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use operators::mailbox::Gone;

use super::Inlet;
use crate::mistake::Mistake;

/// What is wrong with a rate, if anything.
pub fn check(rate: Option<f64>) -> Result<(), Mistake> {
    if rate.is_some_and(|rate| !(1e-6..=1e6).contains(&rate)) {
        return Err(Mistake::at("rate", "`rate` is frames a second: write a number above 0, like 2 or 0.5"));
    }
    Ok(())
}

/// Gives the word for each frame, at a rate or as fast as the job takes them.
pub struct Pace {
    pause: Option<Duration>,
    due: Instant,
    bell: Arc<Bell>,
}

impl Pace {
    /// `rate` frames a second into `inlet`; `None` for as fast as it takes them.
    pub fn new(rate: Option<f64>, inlet: &Inlet) -> Self {
        let bell = Arc::new(Bell::default());
        inlet.on_news({
            let bell = bell.clone();
            move || bell.ring()
        });
        Self { pause: rate.map(|rate| Duration::from_secs_f64(1.0 / rate)), due: Instant::now(), bell }
    }

    /// Waits until the next frame is due: `false` once the job closes. Nobody has to be told of receipts: they are
    /// dropped.
    pub fn wait(&mut self, inlet: &Inlet) -> Result<bool, Gone> {
        forget_receipts(inlet)?;
        if let Some(pause) = self.pause {
            self.bell.wait_until(self.due, inlet)?;
            self.due = (self.due + pause).max(Instant::now());
        }
        Ok(!inlet.is_closing())
    }
}

fn forget_receipts(inlet: &Inlet) -> Result<(), Gone> {
    while inlet.receipt()?.is_some() {}
    Ok(())
}

/// Wakes a source that waits for its next frame.
#[derive(Default)]
struct Bell {
    lock: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    fn ring(&self) {
        let _held = self.lock.lock().expect("nothing panics in it");
        self.rung.notify_all();
    }

    /// Waits until `due`, or until the job closes.
    fn wait_until(&self, due: Instant, inlet: &Inlet) -> Result<(), Gone> {
        let mut held = self.lock.lock().expect("nothing panics in it");
        while !inlet.is_closing() {
            forget_receipts(inlet)?;
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            held = self.rung.wait_timeout(held, left).expect("nothing panics in it").0;
        }
        Ok(())
    }
}
