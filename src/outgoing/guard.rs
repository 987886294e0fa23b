//! Who stands before every connection: the host has to be listed, and so has where its name leads.
//!
//! A name is looked up once for a connection, and that connection goes to an address that was looked at: a name that leads
//! elsewhere a moment later leads nowhere else.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::hosts::{self, Entry, Hosts};

/// Why a host is not asked, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Refusal {}

/// The addresses of a name, once they are known.
pub type Found = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// What knows the addresses of names.
pub trait Lookup: fmt::Debug + Send + Sync {
    /// The addresses of `name`.
    fn lookup(&self, name: String) -> Found;
}

/// The names that this machine knows: its own file, and DNS.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Lookup for System {
    fn lookup(&self, name: String) -> Found {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Holds every host to the list.
#[derive(Clone, Debug)]
pub struct Guard {
    entries: Arc<[Entry]>,
    /// What to tell those who ask for more.
    rule: Arc<str>,
    lookup: Arc<dyn Lookup>,
}

impl Guard {
    /// For a step that names `url`.
    pub fn new(hosts: &Hosts, url: &Url, lookup: Arc<dyn Lookup>) -> Self {
        let entries = hosts.entries(url);
        let shown: Vec<_> = entries.iter().map(ToString::to_string).collect();
        let rule = match hosts {
            Hosts::Named => format!("this job may ask the host that its `url` names, {}, and no other", shown.join("")),
            Hosts::Listed(_) if shown.is_empty() => {
                "jobs of this cluster may ask no host: `allow_hosts` of cluster.toml lists those that they may"
                    .to_owned()
            }
            Hosts::Listed(_) => {
                format!("jobs of this cluster may ask {} (allow_hosts of cluster.toml)", shown.join(", "))
            }
        };
        Self { entries, rule: rule.into(), lookup }
    }

    /// Whether that URL may be asked, as far as is known without asking for addresses.
    ///
    /// # Errors
    /// That it may not, and who may be.
    pub fn check(&self, url: &Url) -> Result<(), Refusal> {
        let shown = place(url);
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal(format!("{shown} is asked neither by http nor by https")));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        match hosts::host(url) {
            Some(host) if hosts::admit(&self.entries, &host, port) => Ok(()),
            _ => Err(Refusal(format!("{shown} may not be asked: {}", self.rule))),
        }
    }

    /// The addresses of a name to which it may lead.
    ///
    /// # Errors
    /// The name is not known, or it leads nowhere else than where it may not.
    async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let name = name.trim_end_matches('.').to_lowercase();
        let found =
            self.lookup.lookup(name.clone()).await.map_err(|error| format!("nobody knows the name {name}: {error}"))?;
        let may = |address: &IpAddr| hosts::lead(&self.entries, &name, *address);
        if let Some((address, Err(word))) = found.first().map(|first| (first, may(first)))
            && !found.iter().any(|address| may(address).is_ok())
        {
            let rule = &self.rule;
            let what = format!("{name} leads to {address}, which is {word}, and may not be asked: {rule}");
            return Err(Refusal(what).into());
        }
        // The port is the URL's own.
        Ok(found
            .into_iter()
            .filter(|address| may(address).is_ok())
            .map(|address| SocketAddr::new(address, 0))
            .collect())
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = guard.addresses(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// `http://host:port` of a URL: what may be shown of it, as the rest may hold a secret.
pub fn place(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Names that lead where a test says.
    #[derive(Clone, Debug, Default)]
    struct Names(BTreeMap<&'static str, Vec<&'static str>>);

    impl Lookup for Names {
        fn lookup(&self, name: String) -> Found {
            let found =
                self.0.get(name.as_str()).map(|found| found.iter().map(|ip| ip.parse().expect("an address")).collect());
            Box::pin(async move { found.ok_or_else(|| io::Error::other("no such name")) })
        }
    }

    fn guard(rows: &[&str], names: &[(&'static str, &[&'static str])]) -> Guard {
        let rows: Vec<_> = rows.iter().map(|row| (*row).to_owned()).collect();
        let names = Names(names.iter().map(|(name, found)| (*name, found.to_vec())).collect());
        let url = Url::parse("http://detector.example/").expect("a URL");
        Guard::new(&Hosts::parse(&rows).expect("hosts"), &url, Arc::new(names))
    }

    /// Catches each usual trick by which a URL names an inner host without looking like it.
    #[test]
    fn no_spelling_of_an_address_gets_through() {
        let guard = guard(&["*", "detector.example:8080"], &[]);
        let check = |url: &str| Url::parse(url).ok().map(|url| guard.check(&url));
        assert_eq!(check("https://anyone.example/x"), Some(Ok(())));
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.0x0.0x0.0x1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://127.0.0.1./",
            "http://①②⑦.⓪.⓪.①/",
            "http://%31%32%37.0.0.1/",
            "http://0/",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::127.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[ff02::1]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://10.0.0.1/",
            "http://192.168.1.1/",
            "http://172.16.0.1/",
            "http://100.64.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://user@127.0.0.1/",
            "http://anyone.example@127.0.0.1/",
            "http://detector.example:22/",
            "file:///etc/passwd",
            "ftp://anyone.example/",
            "gopher://127.0.0.1/",
        ] {
            let refused = check(url).is_none_or(|checked| checked.is_err());
            assert!(refused, "{url}");
        }
    }

    /// Catches a name that leads inside, to one address or to one of several, and one that leads elsewhere later.
    #[tokio::test]
    async fn no_name_leads_inside() {
        let inside: [(&str, &[&str]); 8] = [
            ("loopback.example", &["127.0.0.1"]),
            ("several.example", &["127.0.0.1", "10.0.0.1"]),
            ("mapped.example", &["::ffff:127.0.0.1"]),
            ("metadata.example", &["169.254.169.254"]),
            ("private.example", &["10.0.0.1"]),
            ("six.example", &["fd00::1"]),
            ("tunnel.example", &["2002:a00:1::1"]),
            ("translated.example", &["64:ff9b::a00:1"]),
        ];
        for (name, _) in inside {
            let error = guard(&["*"], &inside).addresses(name).await.expect_err(name);
            let refusal = error.downcast_ref::<Refusal>().unwrap_or_else(|| panic!("{name}: {error}"));
            assert!(refusal.0.contains(name) && refusal.0.contains("may not be asked"), "{refusal}");
        }
        let open = guard(&["*"], &[("a.example", &["8.8.8.8", "2606:4700::1111"])]);
        assert_eq!(open.addresses("A.example.").await.expect("it may").len(), 2);
        let both = guard(&["*"], &[("both.example", &["127.0.0.1", "8.8.8.8"])]);
        let found = both.addresses("both.example").await.expect("one of them may be asked");
        assert_eq!(found, [SocketAddr::from(([8, 8, 8, 8], 0))], "and it alone is");
        let listed = guard(&["a.svc:80", "*"], &[("a.svc", &["10.0.0.1"])]);
        assert_eq!(listed.addresses("a.svc").await.expect("it is listed").len(), 1);
        let error = open.addresses("unknown.example").await.expect_err("nobody knows it");
        assert!(!error.is::<Refusal>() && error.to_string().contains("nobody knows the name"), "{error}");
    }

    /// Catches a refusal that does not say what to do, or shows what stands in the query.
    #[test]
    fn a_refusal_says_who_may_be_asked() {
        let url = Url::parse("http://evil.example:99/x?key=hidden").expect("a URL");
        let told = |guard: &Guard| guard.check(&url).expect_err("it may not").0;
        let listed = told(&guard(&["a.svc", "10.0.0.0/8:80"], &[]));
        assert!(
            listed.contains("http://evil.example:99 may not") && listed.contains("a.svc, 10.0.0.0/8:80 (allow_hosts"),
            "{listed}"
        );
        let none = told(&guard(&[], &[]));
        assert!(none.contains("may ask no host") && none.contains("cluster.toml"), "{none}");
        let own = Guard::new(&Hosts::Named, &Url::parse("http://localhost:1/").expect("a URL"), Arc::new(System));
        let own = told(&own);
        assert!(own.contains("its `url` names, localhost, and no other") && !own.contains("hidden"), "{own}");
    }
}
