//! Where an address leads: into the open net, to what is near, or to what nobody asks by accident.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address leads, with the word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The open net.
    Public,
    /// This machine, or a network that is somebody's own: a name that is listed may lead there.
    Near(&'static str),
    /// Where no name should lead: only who lists the address itself means it.
    Special(&'static str),
}

/// Where clouds tell a machine its secrets, beside 169.254.169.254, which is link-local.
const METADATA: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))];

/// Where an address leads; one that holds another (IPv4 in IPv6) leads where that one does.
pub fn reach(address: IpAddr) -> Reach {
    match canonical(address) {
        address if METADATA.contains(&address) => Reach::Special("a cloud's own"),
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

/// An address in its own family: `::ffff:10.0.0.1` is `10.0.0.1`.
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [127, ..] => Reach::Near("loopback"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Near("private"),
        [100, 64..=127, ..] => Reach::Near("shared (100.64.0.0/10)"),
        [169, 254, ..] => Reach::Special("link-local"),
        [0, ..] => Reach::Special("unspecified"),
        [224..=239, ..] => Reach::Special("multicast"),
        [240..=255, ..] => Reach::Special("reserved or broadcast"),
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Reach::Special("reserved")
        }
        _ => Reach::Public,
    }
}

fn v6(address: Ipv6Addr) -> Reach {
    let parts = address.segments();
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Special("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Near("loopback"),
        // What carries an IPv4 address: compatible, translated (NAT64), tunnelled (6to4).
        [0, 0, 0, 0, 0, 0, high, low] => inside(high, low, Reach::Special("reserved")),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inside(high, low, Reach::Public),
        [0x2002, high, low, ..] => inside(high, low, Reach::Special("a tunnel (6to4)")),
        [0x2001, 0..=0x1ff, ..] => Reach::Special("a tunnel or reserved (2001::/23)"),
        [0x2001, 0xdb8, ..] => Reach::Special("reserved"),
        [0xfc00..=0xfdff, ..] => Reach::Near("private"),
        [0xfe80..=0xfebf, ..] => Reach::Special("link-local"),
        [0xff00..=0xffff, ..] => Reach::Special("multicast"),
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Special("reserved"),
    }
}

/// Where the IPv4 address in these two parts leads; `open`, where that is the open net.
fn inside(high: u16, low: u16, open: Reach) -> Reach {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    match reach(Ipv4Addr::new(a, b, c, d).into()) {
        Reach::Public => open,
        // It is written so that nobody sees what it is.
        Reach::Near(word) | Reach::Special(word) => Reach::Special(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches an address that leads inside and is taken for one of the open net, in whatever form it is written.
    #[test]
    fn addresses_are_known_for_what_they_are() {
        let of = |text: &str| reach(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")));
        for text in ["93.184.215.14", "8.8.8.8", "100.63.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"] {
            assert_eq!(of(text), Reach::Public, "{text}");
        }
        assert_eq!(of("::ffff:8.8.8.8"), Reach::Public);
        let near = ["127.0.0.1", "127.255.0.9", "10.1.2.3", "172.16.0.1", "172.31.255.1", "192.168.0.1", "100.64.0.1"];
        for text in near.into_iter().chain(["::1", "fd00::1", "fc12::9", "::ffff:127.0.0.1", "::ffff:10.0.0.1"]) {
            assert!(matches!(of(text), Reach::Near(_)), "{text}: {:?}", of(text));
        }
        let v4 = ["0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "239.9.9.9", "255.255.255.255", "240.0.0.1"];
        let more = ["192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.7", "100.100.100.200"];
        let v6 =
            ["::", "fe80::1", "febf::1", "ff02::1", "fec0::1", "2001:db8::1", "2001::1", "fd00:ec2::254", "100::1"];
        let carried =
            ["::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::"];
        let more_carried =
            ["2002:a9fe:a9fe::1", "2002:808:808::1", "64:ff9b:1::1", "::ffff:169.254.169.254", "4000::1"];
        for text in v4.into_iter().chain(more).chain(v6).chain(carried).chain(more_carried) {
            assert!(matches!(of(text), Reach::Special(_)), "{text}: {:?}", of(text));
        }
    }
}
