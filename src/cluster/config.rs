//! Flags and `cluster.toml`, to addresses.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use super::file::{ClusterFile, placed_in};
use super::tls::Tls;
use super::token::Token;
use crate::mistake::Mistake;

/// Where addresses are looked for when `--cluster` does not say.
pub(super) const DEFAULT_FILE: &str = "cluster.toml";

/// The first port when there is no file: timely's own.
const FIRST_PORT: usize = 2101;

/// How long a process of a standing cluster may be silent, unless the file says.
pub(super) const DEAD_AFTER: Duration = Duration::from_secs(3);

/// The flags that make a process part of a cluster: timely's names.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ClusterFlags {
    /// Processes in the cluster [default: 1; with -p or --cluster: as many as the file lists]
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub processes: Option<usize>,
    /// Which of them this one is, from 0 [default: 0]
    #[arg(short = 'p', long, value_name = "INDEX")]
    pub process: Option<usize>,
    /// Worker threads of each process [default: one a core]
    #[arg(short = 'w', long, value_name = "COUNT")]
    pub threads: Option<usize>,
    /// Addresses of the processes [default: ./cluster.toml, else localhost:2101, 2102, …]
    #[arg(long, value_name = "FILE")]
    pub cluster: Option<PathBuf>,
}

/// A process of the cluster, as the others know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its index: `-p`.
    pub index: usize,
    /// Its `host:port`.
    pub address: String,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({})", self.index, self.address)
    }
}

/// Who is in the cluster, and which of them this process is. Made by [`ClusterFlags::resolve`].
#[derive(Clone, Debug)]
pub struct Cluster {
    /// `host:port` of each process.
    pub addresses: Vec<String>,
    /// This process's index.
    pub process: usize,
    /// Workers of each process.
    pub threads: usize,
    /// The secret, or an empty one.
    pub token: Token,
    /// What the links are encrypted with, if they are.
    pub tls: Option<Tls>,
    /// How long a process of a standing cluster may be silent.
    pub dead_after: Duration,
    /// How many processes of a standing cluster must be connected for it to work, if someone said.
    pub min_processes: Option<usize>,
}

impl Default for Cluster {
    /// One process alone, with one worker.
    fn default() -> Self {
        Self {
            addresses: vec![format!("localhost:{FIRST_PORT}")],
            process: 0,
            threads: 1,
            token: Token::default(),
            tls: None,
            dead_after: DEAD_AFTER,
            min_processes: None,
        }
    }
}

impl Cluster {
    /// A process of the cluster.
    pub fn peer(&self, index: usize) -> Peer {
        Peer { index, address: self.addresses[index].clone() }
    }

    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.addresses.len()
    }
}

impl ClusterFlags {
    /// Reads the file and the environment's `VIGIE_TOKEN`; flags go before both. Opens nothing.
    pub fn resolve(&self) -> Result<Cluster, Mistake> {
        self.resolve_in(Path::new("."), std::env::var("VIGIE_TOKEN").ok())
    }

    fn resolve_in(&self, folder: &Path, token: Option<String>) -> Result<Cluster, Mistake> {
        let file = self.file(folder)?;
        let listed = file.as_ref().filter(|_| self.process.is_some() || self.cluster.is_some());
        let processes = self.processes.or(listed.map(|(_, file)| file.processes.len())).unwrap_or(1);
        let process = self.process.unwrap_or(0);
        if processes == 0 {
            return Err(Mistake::new("-n 0 is no cluster: say how many processes there are, at least 1"));
        }
        if process >= processes {
            let last = processes - 1;
            let what = match processes {
                1 => format!("-p {process} needs a cluster: say with -n how many processes there are"),
                _ => format!("-p {process} is not one of {processes} processes: they are counted from 0 to {last}"),
            };
            return Err(Mistake::new(what));
        }
        let threads = self.threads.or(file.as_ref().and_then(|(_, file)| file.threads));
        if threads == Some(0) {
            return Err(Mistake::new("0 threads do no work: give -w (or threads in cluster.toml) at least 1"));
        }
        let least = file.as_ref().and_then(|(_, file)| file.min_processes);
        if let Some(least) = least.filter(|least| processes > 1 && *least > processes) {
            return Err(Mistake::new(format!(
                "min_processes of cluster.toml is {least}, but -n says {processes}: {processes} at most can be there"
            )));
        }
        let dead_after = file.as_ref().and_then(|(_, file)| file.dead_after).map_or(DEAD_AFTER, |time| time.0);
        let addresses = addresses(processes, file.as_ref())?;
        // A process alone asks nobody for a token or a certificate.
        let shared = file.as_ref().filter(|_| processes > 1).map(|(path, file)| (&**path, file));
        let tls = shared.and_then(|(path, file)| Some((path, file.tls.as_ref()?)));
        let tls = tls.map(|(path, table)| {
            let beside = path.parent().unwrap_or(folder);
            Tls::load(table, beside, process, &addresses[process]).map_err(|mistake| placed_in(path, mistake))
        });
        let cores = || available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Cluster {
            addresses,
            process,
            threads: threads.unwrap_or_else(cores),
            token: Token::find(token, shared)?,
            tls: tls.transpose()?,
            dead_after,
            min_processes: least,
        })
    }

    /// The file that is meant, and what it says; none where none was named and there is no default one.
    pub(super) fn file(&self, folder: &Path) -> Result<Option<(PathBuf, ClusterFile)>, Mistake> {
        let path = folder.join(self.cluster.as_deref().unwrap_or(Path::new(DEFAULT_FILE)));
        if self.cluster.is_none() && !path.exists() {
            return Ok(None);
        }
        let file = ClusterFile::load(&path).map_err(|mistakes| mistakes.in_a_line())?;
        Ok(Some((path, file)))
    }
}

fn addresses(processes: usize, file: Option<&(PathBuf, ClusterFile)>) -> Result<Vec<String>, Mistake> {
    match file {
        // One process alone needs no address.
        Some((path, file)) if processes > 1 => {
            let (listed, shown) = (file.processes.len(), path.display());
            let missing = || Mistake::new(format!("-n {processes}, but {shown} lists {listed}: add the missing ones"));
            file.processes.get(..processes).map(<[_]>::to_vec).ok_or_else(missing)
        }
        _ if FIRST_PORT + processes > usize::from(u16::MAX) => {
            Err(Mistake::new(format!("-n {processes} is more processes than there are ports")))
        }
        _ => Ok((0..processes).map(|index| format!("localhost:{}", FIRST_PORT + index)).collect()),
    }
}

/// Host and port of `host:port`; none where it is not that.
pub(super) fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty()).then_some((host, port))
}

/// The host of `host:port` or of a host alone.
pub fn host_of(address: &str) -> &str {
    let end = if address.ends_with(']') { None } else { address.rfind(':') };
    &address[..end.unwrap_or(address.len())]
}

/// Whether that host is this machine, as its name or number says.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(args: &[&str]) -> ClusterFlags {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            flags: ClusterFlags,
        }
        let args = ["vigie"].iter().chain(args);
        <Cli as clap::Parser>::try_parse_from(args).expect("good flags").flags
    }

    fn resolve(args: &[&str], file: Option<&str>) -> Result<Cluster, String> {
        let folder = tempfile::tempdir().expect("a folder");
        if let Some(text) = file {
            std::fs::write(folder.path().join("cluster.toml"), text).expect("a file");
        }
        flags(args).resolve_in(folder.path(), None).map_err(|mistake| mistake.to_string())
    }

    const THREE: &str = "processes = ['a:1', 'b:2', 'c:3']\nthreads = 5\ntoken = 'x'";

    #[test]
    fn no_file_and_no_flag_is_one_process_with_a_worker_a_core() {
        let cluster = resolve(&[], None).unwrap();
        assert_eq!((cluster.processes(), cluster.process), (1, 0));
        assert!(cluster.threads >= 1);
        assert_eq!(
            resolve(&["-n", "3"], None).unwrap().addresses,
            ["localhost:2101", "localhost:2102", "localhost:2103"]
        );
    }

    #[test]
    fn a_file_beside_makes_no_cluster_of_a_plain_run() {
        let cluster = resolve(&[], Some(THREE)).unwrap();
        assert_eq!((cluster.processes(), cluster.threads), (1, 5));
    }

    #[test]
    fn the_file_counts_the_processes_and_flags_go_before_it() {
        let cluster = resolve(&["-p", "2"], Some(THREE)).unwrap();
        assert_eq!((cluster.processes(), cluster.threads), (3, 5));
        let cluster = resolve(&["-n", "2", "-p", "1", "-w", "7"], Some(THREE)).unwrap();
        assert_eq!((cluster.addresses, cluster.threads), (vec!["a:1".to_string(), "b:2".into()], 7));
    }

    #[test]
    fn limits_of_a_standing_cluster_are_read_and_have_defaults() {
        let cluster = resolve(&["-p", "0"], Some(THREE)).unwrap();
        assert_eq!((cluster.dead_after, cluster.min_processes), (DEAD_AFTER, None));
        let said = format!("{THREE}\ndead_after = '1s'\nmin_processes = 3");
        let cluster = resolve(&["-p", "0"], Some(&said)).unwrap();
        assert_eq!((cluster.dead_after, cluster.min_processes), (Duration::from_secs(1), Some(3)));
        // A plain run beside such a file is a process alone.
        assert_eq!(resolve(&[], Some(&said)).unwrap().processes(), 1);
    }

    #[test]
    fn each_mistake_says_what_to_do() {
        let wrong = |args: &[&str], file| resolve(args, file).expect_err("a mistake");
        assert!(wrong(&["-n", "2", "-p", "2"], None).contains("counted from 0 to 1"));
        assert!(wrong(&["-p", "1"], None).contains("say with -n"));
        assert!(wrong(&["-n", "0"], None).contains("at least 1"));
        assert!(wrong(&["-w", "0"], None).contains("at least 1"));
        assert!(wrong(&["-n", "70000"], None).contains("than there are ports"));
        assert!(wrong(&["-n", "4"], Some(THREE)).contains("lists 3"));
        assert!(wrong(&[], Some("processes = ['a']")).contains("write host:port"));
        assert!(wrong(&[], Some("processes = ['a:1', 'a:1']")).contains("twice"));
        assert!(
            wrong(&[], Some("processes = []\nthreats = 2"))
                .contains("cluster.toml:2: unknown key `threats`: did you mean `threads`?")
        );
        assert!(wrong(&[], Some("processes = []\ntoken = '${X}'")).contains("VIGIE_TOKEN"));
        assert!(wrong(&[], Some("processes = ['a:1']\nmin_processes = 2")).contains("from 1 to 1"));
        assert!(wrong(&[], Some("processes = []\ndead_after = '10ms'")).contains("at least \"500ms\""));
        let most = format!("{THREE}\nmin_processes = 3");
        assert!(wrong(&["-n", "2"], Some(&most)).contains("-n says 2"));
        assert!(wrong(&["--cluster", "else.toml"], None).contains("can't be read"));
    }

    #[test]
    fn the_environment_goes_before_the_file_and_the_token_never_shows() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cluster.toml"), THREE).unwrap();
        let cluster = flags(&["-p", "0"]).resolve_in(folder.path(), Some("secret".into())).unwrap();
        assert_eq!(cluster.token, "secret".into());
        assert!(!format!("{cluster:?}").contains("secret"));
        assert!(resolve(&["-p", "0"], Some("processes = ['far:1', 'off:2']")).unwrap().is_open_to_all());
        assert!(!cluster.is_open_to_all());
    }

    #[test]
    fn the_example_is_a_cluster() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DEFAULT_FILE);
        let cluster = flags(&["--cluster", path.to_str().unwrap(), "-p", "1"]).resolve().unwrap();
        assert_eq!(cluster.processes(), 3);
    }
}
