//! Instructions a frame, counted by callgrind, against what is committed.

use std::env;
use std::fs;
use std::process::{Command, Stdio};

/// What a frame takes, as it was when this file was written.
const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/engine/instructions.txt");

/// More or less than this has to be explained in the commit that changes the reference.
const MARGIN: f64 = 0.03;

/// Whether a frame takes as many instructions as is committed. `VIGIE_BLESS` commits what it takes now.
pub fn hold([few, many]: [u64; 2]) -> bool {
    let (Some(short), Some(long)) = (instructions(few), instructions(many)) else {
        println!("instructions a frame: skipped, as valgrind is not installed or did not run");
        return true;
    };
    let now = (long - short) as f64 / (many - few) as f64;
    let reference = committed(now);
    let change = now / reference - 1.0;
    println!(
        "instructions a frame: {now:.0} (reference: {reference:.0}, {:+.1} %, held within {:.0} %)",
        change * 1e2,
        MARGIN * 1e2
    );
    if change.abs() > MARGIN {
        println!("say why in the commit, and write the reference anew: VIGIE_BLESS=1 cargo bench --bench engine");
    }
    change.abs() <= MARGIN
}

/// What is committed; with `VIGIE_BLESS`, that is what a frame takes now.
fn committed(now: f64) -> f64 {
    if env::var_os("VIGIE_BLESS").is_some() {
        fs::write(REFERENCE, format!("{now:.0}\n")).expect("the file can be written");
    }
    let reference = fs::read_to_string(REFERENCE).ok().and_then(|text| text.trim().parse().ok());
    reference.expect("benches/engine/instructions.txt holds a number: VIGIE_BLESS=1 writes it")
}

/// Instructions of a whole run with so many frames.
fn instructions(frames: u64) -> Option<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(env::current_exe().ok()?);
    let output = valgrind.env("VIGIE_BENCH_FRAMES", frames.to_string()).stdout(Stdio::null()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
}
