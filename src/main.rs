//! `vigie`: see `vigie --help`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use vigie::cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vigie::live::events();
    let done = match Cli::parse().command {
        Command::Run(run) => return vigie::run::run(&run),
        Command::Check { job } => return vigie::check::check(&job),
        Command::Graph { job, form } => return vigie::graph::print(&job, form),
        Command::Worker(worker) => return vigie::supervisor::run(&worker),
        Command::Remote(remote) => return vigie::client::run(&remote),
        Command::Model(look) => look.run(),
        Command::Count(count) => return count.run(),
        Command::Bench(bench) => return bench.run(),
        Command::Latency(latency) => return latency.run(),
        Command::Try(rehearsal) => return rehearsal.run(),
        Command::Token { name, role } => vigie::client::token(&name, role),
        Command::Camera(camera) => camera.run(),
        Command::Broker { listen, max_message } => vigie::broker::serve(listen, max_message.as_u64() as usize),
        Command::Setup => vigie::setup::setup().map(|library| println!("ONNX Runtime: {}", library.display())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            let wrong = error.is::<vigie::mistake::Mistake>();
            ExitCode::from(if wrong { vigie::cluster::EXIT_MISTAKE as u8 } else { 1 })
        }
    }
}
