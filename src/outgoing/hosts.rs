//! Which hosts the steps of a job may ask: `allow_hosts` of `cluster.toml`.
//!
//! In a standing cluster whoever may submit a job is not who runs it, so nothing may be asked that is not listed. Whoever
//! runs `vigie run` could ask the hosts of his own job file himself: those that it names may be asked, and no others, as
//! where a service redirects to is the service's word and not his.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use reqwest::Url;

use super::reach::{Reach, canonical, reach};

/// Who may be asked.
#[derive(Clone, Debug, Default)]
pub enum Hosts {
    /// The hosts that the job itself names.
    #[default]
    Named,
    /// These.
    Listed(Arc<[Entry]>),
}

impl Hosts {
    /// The rows of a list: `detector.example:8080`, `*.svc`, `10.0.0.0/8`, `[fd00::1]:8080`, `*`.
    ///
    /// # Errors
    /// A row that is none of these, in words.
    pub fn parse(rows: &[String]) -> Result<Self, String> {
        rows.iter().map(|row| Entry::parse(row)).collect::<Result<_, _>>().map(Self::Listed)
    }

    /// What may be asked by a step that names `url`.
    pub fn entries(&self, url: &Url) -> Arc<[Entry]> {
        match self {
            Self::Listed(entries) => entries.clone(),
            Self::Named => host(url).map(Entry::named).into_iter().collect(),
        }
    }
}

/// A host as a URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// By a name, in lower case, without a dot at its end.
    Name(String),
    /// By its address.
    Address(IpAddr),
}

/// The host of a URL. Odd spellings of addresses (`0x7f.1`, `2130706433`) are addresses by now: [`Url`] reads them so.
pub fn host(url: &Url) -> Option<Host> {
    let text = url.host_str()?;
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    Some(match bare.parse() {
        Ok(address) => Host::Address(canonical(address)),
        Err(_) => Host::Name(bare.trim_end_matches('.').to_lowercase()),
    })
}

/// One row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    who: Who,
    /// On this port alone; without one, on any.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    /// Whatever is in the open net.
    Anyone,
    /// That name.
    Name(String),
    /// All names that end with a dot and this.
    Under(String),
    /// Addresses that begin with so many bits of this one.
    Network(IpAddr, u8),
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Anyone => f.write_str("*"),
            Who::Name(name) => f.write_str(name),
            Who::Under(suffix) => write!(f, "*.{suffix}"),
            Who::Network(IpAddr::V4(address), 32) => write!(f, "{address}"),
            Who::Network(IpAddr::V6(address), 128) => write!(f, "[{address}]"),
            Who::Network(address, bits) => write!(f, "{address}/{bits}"),
        }?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Entry {
    /// That host, on any port.
    fn named(host: Host) -> Self {
        let who = match host {
            Host::Name(name) => Who::Name(name),
            Host::Address(address) => alone(address),
        };
        Self { who, port: None }
    }

    /// Reads a row.
    fn parse(row: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{row}\" is no host: write a name (\"detector.example:8080\"), all names under one (\"*.svc\"), an address \
                 or a network (\"10.0.0.0/8\"), or \"*\" for all of the open net"
            )
        };
        if let Some(who) = network(row) {
            return Ok(Self { who, port: None });
        }
        let (text, port) = match row.rsplit_once(':') {
            Some((text, port)) => (text, Some(port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?)),
            None => (row, None),
        };
        let who = match text.strip_prefix("*.") {
            _ if text == "*" => Who::Anyone,
            Some(suffix) => match sound(suffix) {
                Some(Host::Name(suffix)) => Who::Under(suffix),
                _ => return Err(wrong()),
            },
            None => match network(text) {
                Some(who) => who,
                None => sound(text).map(|host| Self::named(host).who).ok_or_else(wrong)?,
            },
        };
        Ok(Self { who, port })
    }

    /// Whether this row is about that host, whatever the port.
    fn is_about(&self, host: &Host) -> bool {
        match (&self.who, host) {
            (Who::Anyone, Host::Name(_)) => true,
            (Who::Anyone, Host::Address(address)) => reach(*address) == Reach::Public,
            (Who::Name(own), Host::Name(name)) => own == name,
            (Who::Under(suffix), Host::Name(name)) => {
                name.strip_suffix(suffix.as_str()).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
            }
            (Who::Network(network, bits), Host::Address(address)) => holds(*network, *bits, *address),
            _ => false,
        }
    }

    fn is_for_anyone(&self) -> bool {
        self.who == Who::Anyone
    }
}

/// Whether `host` may be asked on `port`. A row of its own goes before `*`: who lists a name with its port means that port.
pub fn admit(entries: &[Entry], host: &Host, port: u16) -> bool {
    let (own, any): (Vec<_>, Vec<_>) =
        entries.iter().filter(|entry| entry.is_about(host)).partition(|entry| !entry.is_for_anyone());
    let rows = if own.is_empty() { any } else { own };
    rows.iter().any(|entry| entry.port.is_none_or(|own| own == port))
}

/// Whether a name may lead to `address`; else, what that address is.
pub fn lead(entries: &[Entry], name: &str, address: IpAddr) -> Result<(), &'static str> {
    let (name, address) = (Host::Name(name.to_owned()), canonical(address));
    // The port is not known here: a row for one port says nothing of the others.
    let listed =
        |entry: &Entry| entry.port.is_none() && !entry.is_for_anyone() && entry.is_about(&Host::Address(address));
    let vouched = || entries.iter().any(|entry| !entry.is_for_anyone() && entry.is_about(&name));
    match reach(address) {
        Reach::Public => Ok(()),
        Reach::Near(_) if vouched() => Ok(()),
        Reach::Near(_) | Reach::Special(_) if entries.iter().any(listed) => Ok(()),
        Reach::Near(word) | Reach::Special(word) => Err(word),
    }
}

/// A host that a URL could name.
fn sound(text: &str) -> Option<Host> {
    if text.is_empty() || text.contains(['/', '@', '?', '#', '*', ':', ' ']) && !text.starts_with('[') {
        return None;
    }
    let url = Url::parse(&format!("http://{text}/")).ok()?;
    (url.path() == "/" && url.port().is_none()).then(|| host(&url))?
}

/// `10.0.0.0/8`, or an address.
fn network(text: &str) -> Option<Who> {
    let Some((address, bits)) = text.split_once('/') else {
        return text.parse().ok().map(canonical).map(alone);
    };
    let (address, bits): (IpAddr, u8) = (address.parse().ok()?, bits.parse().ok()?);
    (bits <= width(address)).then_some(Who::Network(address, bits))
}

fn alone(address: IpAddr) -> Who {
    Who::Network(address, width(address))
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Whether both begin with the same bits.
fn holds(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let shift = u32::from(width(network) - bits);
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            (network.to_bits() ^ address.to_bits()).checked_shr(shift).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(rows: &[&str]) -> Arc<[Entry]> {
        rows.iter().map(|row| Entry::parse(row).unwrap_or_else(|wrong| panic!("{wrong}"))).collect()
    }

    fn admits(rows: &[&str], url: &str) -> bool {
        let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        admit(&entries(rows), &host(&url).expect("a host"), url.port_or_known_default().expect("a port"))
    }

    /// Catches a row that holds for more than it says, or less.
    #[test]
    fn a_row_holds_for_what_it_names() {
        let rows = ["detector.example:8080", "*.svc", "10.1.0.0/16", "[fd00::1]:9000", "Faces.Example"];
        for url in [
            "http://detector.example:8080/x",
            "http://DETECTOR.example.:8080/x",
            "http://a.svc/",
            "https://a.b.svc:99/",
            "http://10.1.2.3:5/",
            "http://[::ffff:10.1.2.3]/",
            "http://167838211/",
            "http://[fd00::1]:9000/",
            "http://faces.example/",
        ] {
            assert!(admits(&rows, url), "{url}");
        }
        for url in [
            "http://detector.example/",
            "http://detector.example:8081/",
            "http://xdetector.example:8080/",
            "http://detector.example.evil:8080/",
            "http://svc/",
            "http://.svc/",
            "http://asvc/",
            "http://10.2.0.1/",
            "http://[fd00::1]/",
            "http://[fd00::2]:9000/",
            "http://other.example/",
        ] {
            assert!(Url::parse(url).is_err() || !admits(&rows, url), "{url}");
        }
        assert!(!admits(&[], "http://example.com/"), "an empty list lets nobody be asked");
    }

    /// Catches `*` as a way to what is near, and as a way around the port of a row.
    #[test]
    fn a_star_is_the_open_net_alone() {
        let rows = ["*", "detector.example:8080"];
        assert!(admits(&rows, "http://anyone.example:99/") && admits(&rows, "http://8.8.8.8/"));
        assert!(!admits(&rows, "http://detector.example:22/"));
        for url in ["http://127.0.0.1/", "http://10.0.0.1/", "http://169.254.169.254/", "http://[::1]/"] {
            assert!(!admits(&rows, url), "{url}");
        }
    }

    /// Catches a name that leads where it should not: by `*`, to what is link-local, or to a port that is not listed.
    #[test]
    fn a_name_leads_where_its_row_lets_it() {
        let to =
            |rows: &[&str], name: &str, address: &str| lead(&entries(rows), name, address.parse().expect("an address"));
        assert_eq!(to(&["*"], "a.example", "8.8.8.8"), Ok(()));
        assert_eq!(to(&["*"], "a.example", "127.0.0.1"), Err("loopback"));
        assert_eq!(to(&["*"], "a.example", "::ffff:10.0.0.1"), Err("private"));
        assert_eq!(to(&["*", "10.0.0.0/8"], "a.example", "10.0.0.1"), Ok(()));
        assert!(to(&["*", "10.0.0.0/8:80"], "a.example", "10.0.0.1").is_err());
        assert_eq!(to(&["a.svc:80"], "a.svc", "10.0.0.1"), Ok(()));
        assert_eq!(to(&["*.svc"], "a.svc", "127.0.0.1"), Ok(()));
        for address in ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "64:ff9b::a9fe:a9fe"] {
            assert!(to(&["*.svc", "a.svc"], "a.svc", address).is_err(), "{address}");
        }
        assert_eq!(to(&["a.svc", "169.254.0.0/16"], "a.svc", "169.254.169.254"), Ok(()));
    }

    /// Catches a row that is no host and is taken for one.
    #[test]
    fn a_row_that_is_no_host_is_told() {
        for row in [
            "",
            "http://a/",
            "a b",
            "a:0",
            "a:99999",
            "*.",
            "*x",
            "a.*",
            "10.0.0.0/33",
            "a/b",
            "user@a",
            "*.10.0.0.1",
            ":80",
        ] {
            let told = Entry::parse(row).expect_err(row);
            assert!(told.contains("is no host: write"), "{told}");
        }
        for row in ["a", "a:80", "*", "*:443", "*.svc:80", "10.0.0.0/8", "::1", "[::1]:80", "fd00::/8", "127.0.0.1:80"]
        {
            let shown = Entry::parse(row).unwrap_or_else(|wrong| panic!("{wrong}")).to_string();
            assert!(
                shown.trim_matches(['[', ']']).starts_with(row.trim_matches(['[', ']'])),
                "{row} is shown as {shown}"
            );
        }
    }

    /// Catches a job of one's own that may not ask the host it names, or may ask others.
    #[test]
    fn a_job_of_ones_own_asks_whom_it_names() {
        for (url, other) in
            [("http://localhost:8000/x", "http://evil.example/"), ("http://127.0.0.1:8000/", "http://127.0.0.2/")]
        {
            let url = Url::parse(url).expect("a URL");
            let rows = Hosts::default().entries(&url);
            assert!(admit(&rows, &host(&url).expect("a host"), 9000));
            let other = Url::parse(other).expect("a URL");
            assert!(!admit(&rows, &host(&other).expect("a host"), 80));
        }
    }
}
