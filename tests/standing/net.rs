//! A network of its own for each process of a cluster, so that packets can be dropped between them without a word.
//!
//! Each process has a network namespace with one interface, whose other end is a port of one bridge. The bridge has an
//! address too: what the processes share, brokers above all, listens there. A port that is disabled drops every packet both
//! ways, while each end still sees its cable plugged in: as behind a switch that hangs. Addresses are told beforehand, not
//! asked for, since a caller that gets no answer to that question hears an error soon.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

/// What the names of all namespaces begin with; the id of the process that made them follows.
const PREFIX: &str = "vigie-";

/// Networks for as many processes, removed with this.
pub struct Net {
    /// The process that made it: its names are nobody else's.
    maker: u32,
    /// The third byte of its addresses.
    subnet: u8,
    count: usize,
}

impl Net {
    /// Makes them. `None`, and a line that says why, where this machine or this user can't.
    pub fn new(count: usize) -> Option<Self> {
        left_behind().for_each(remove);
        let maker = std::process::id();
        let made = free_subnet(maker).map(|subnet| Self { maker, subnet, count });
        let built = made.and_then(|net| net.build().map(|()| net));
        built.map_err(|why| println!("skipped: black holes: {why}")).ok()
    }

    /// The address of a process.
    pub fn host(&self, index: usize) -> IpAddr {
        self.address(2 + index)
    }

    /// The address that all processes reach, and this one.
    pub fn bridge(&self) -> IpAddr {
        self.address(1)
    }

    /// What has to stand before a command for it to run where a process is.
    pub fn within(&self, index: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.namespace(index)].map(str::to_owned).to_vec()
    }

    /// Drops every packet from and to a process, and tells nobody.
    pub fn cut(&self, index: usize) {
        self.set_port(index, 0);
    }

    /// Lets them through again.
    pub fn mend(&self, index: usize) {
        self.set_port(index, 3);
    }

    /// The states of a port, as the kernel counts them: 0 is disabled, 3 is forwarding.
    fn set_port(&self, index: usize, state: u8) {
        run("bridge", &format!("link set dev {} state {state}", self.port(index))).expect("the bridge is there");
    }

    fn address(&self, last: usize) -> IpAddr {
        Ipv4Addr::new(10, 231, self.subnet, u8::try_from(last).expect("few processes")).into()
    }

    fn namespace(&self, index: usize) -> String {
        format!("{PREFIX}{}-{index}", self.maker)
    }

    fn port(&self, index: usize) -> String {
        format!("{}-{index}", bridge(self.maker))
    }

    /// The hardware address of who has the last byte of an address.
    fn hardware(&self, last: usize) -> String {
        format!("02:e7:00:00:{:02x}:{last:02x}", self.subnet)
    }

    fn build(&self) -> Result<(), String> {
        let (bridge, address) = (bridge(self.maker), self.bridge());
        ip(&format!("link add {bridge} address {} type bridge", self.hardware(1)))?;
        ip(&format!("address add {address}/24 dev {bridge}"))?;
        ip(&format!("link set {bridge} up"))?;
        (0..self.count).try_for_each(|index| self.plug_in(index, &bridge))
    }

    fn plug_in(&self, index: usize, bridge: &str) -> Result<(), String> {
        let (name, port, last) = (self.namespace(index), self.port(index), 2 + index);
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add {port} type veth peer name eth0 address {} netns {name}", self.hardware(last)))?;
        ip(&format!("link set {port} master {bridge} up"))?;
        ip(&format!("-n {name} address add {}/24 dev eth0", self.address(last)))?;
        ip(&format!("-n {name} link set lo up"))?;
        ip(&format!("-n {name} link set eth0 up"))?;
        let mut others = (1..2 + self.count).filter(|other| *other != last);
        others.try_for_each(|other| self.tell(&format!("-n {name} "), "eth0", other))?;
        self.tell("", bridge, last)
    }

    /// Tells who is on an interface the hardware address of another.
    fn tell(&self, within: &str, interface: &str, last: usize) -> Result<(), String> {
        let (address, hardware) = (self.address(last), self.hardware(last));
        ip(&format!("{within}neighbour replace {address} lladdr {hardware} dev {interface} nud permanent"))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        remove(self.maker);
    }
}

fn bridge(maker: u32) -> String {
    format!("vg{maker}")
}

/// Removes all that a process has made. An interface would stay as long as a connection does that nobody answers.
fn remove(maker: u32) {
    let own = format!("{PREFIX}{maker}-");
    for name in namespaces() {
        let Some(index) = name.strip_prefix(&own) else { continue };
        let _ = ip(&format!("link delete {}-{index}", bridge(maker)));
        let _ = ip(&format!("netns delete {name}"));
    }
    let _ = ip(&format!("link delete {}", bridge(maker)));
}

/// The makers of networks that are no more: they were killed.
fn left_behind() -> impl Iterator<Item = u32> {
    let maker = |name: &String| name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok();
    let makers: std::collections::BTreeSet<u32> = namespaces().iter().filter_map(maker).collect();
    makers.into_iter().filter(|maker| !fs::exists(format!("/proc/{maker}")).unwrap_or(true))
}

/// All network namespaces that have a name.
fn namespaces() -> Vec<String> {
    let entries = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A third byte that no address of this machine has.
fn free_subnet(maker: u32) -> Result<u8, String> {
    let taken = run("ip", "-o address")?;
    let mut all = (0..=255).map(|step| (maker as u8).wrapping_add(step));
    let free = all.find(|subnet| !taken.contains(&format!(" 10.231.{subnet}.")));
    free.ok_or_else(|| "10.231.0.0/16 is full".to_owned())
}

fn ip(arguments: &str) -> Result<(), String> {
    run("ip", arguments).map(drop)
}

/// Runs a command of iproute2; what it says.
fn run(program: &str, arguments: &str) -> Result<String, String> {
    let output = Command::new(program).args(arguments.split(' ')).output();
    let output = output.map_err(|error| format!("{program} (of the package iproute2) can't be run: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("`{program} {arguments}`: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Catches a network whose cut is heard, or does not cut: an error, a word that gets through, or none after it is mended.
#[test]
fn a_cut_is_silent_both_ways() {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    let _turn = crate::support::turn();
    let Some(net) = Net::new(2) else { return };
    let listener = TcpListener::bind((net.bridge(), 0)).expect("an address");
    let port = listener.local_addr().expect("an address").port();
    let mut command = net.within(0);
    // An echo, in the namespace of process 0.
    let echo = format!("exec 3<>/dev/tcp/{}/{port}; cat <&3 >&3", net.bridge());
    command.extend(["bash", "-c", &echo].map(str::to_owned));
    let words: Vec<_> = command.iter().map(String::as_str).collect();
    let _process = crate::support::Process::start(words[0], &words[1..], &[]);
    let (mut stream, from) = listener.accept().expect("it calls");
    assert_eq!(from.ip(), net.host(0));
    let mut answers = |word: &[u8], patience: Duration| {
        stream.set_read_timeout(Some(patience)).expect("a time");
        stream.write_all(word).expect("nobody says that it is cut");
        let mut heard = [0; 3];
        stream.read_exact(&mut heard).map(|()| heard).map_err(|error| error.kind())
    };
    assert_eq!(answers(b"one", crate::support::PATIENCE), Ok(*b"one"));
    net.cut(0);
    assert_eq!(answers(b"two", Duration::from_millis(2_500)), Err(ErrorKind::WouldBlock));
    let call = TcpStream::connect_timeout(&(net.host(0), 1).into(), Duration::from_millis(2_500));
    assert_eq!(call.map_err(|error| error.kind()).err(), Some(ErrorKind::TimedOut), "a new connection hangs too");
    net.mend(0);
    assert_eq!(answers(b"six", crate::support::PATIENCE), Ok(*b"two"), "what was sent meanwhile arrives");
    let refused = TcpStream::connect((net.host(0), 1)).map_err(|error| error.kind()).err();
    assert_eq!(refused, Some(ErrorKind::ConnectionRefused), "and who is not there says so");
}
