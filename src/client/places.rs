//! Where a process of the cluster may be.

use super::flags::At;
use crate::cluster::ClusterFlags;
use crate::cluster::standing::default_http;
use crate::mistake::Mistake;

/// How a process is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In plain.
    Http,
    /// Encrypted.
    Https,
}

/// How many places are tried where nobody says where.
const TRIED: usize = 3;

impl At {
    /// Where to look, in this order, and how, where that was typed; `env` is `VIGIE_AT`.
    ///
    /// # Errors
    /// What is wrong with the address or with the file, in words.
    pub fn places(&self, env: Option<String>) -> Result<(Vec<String>, Option<Scheme>), Mistake> {
        if let Some(at) = self.at.clone().or(env.filter(|at| self.cluster.is_none() && !at.is_empty())) {
            let (scheme, address) = address(&at)?;
            return Ok((vec![address], scheme));
        }
        let flags = ClusterFlags { cluster: self.cluster.clone(), ..Default::default() };
        let places = flags.http()?.filter(|places| !places.is_empty());
        Ok((places.unwrap_or_else(|| default_http(TRIED)), None))
    }
}

/// `host:port`, also out of an address as a browser has it.
fn address(text: &str) -> Result<(Option<Scheme>, String), Mistake> {
    let known = [("http://", Scheme::Http), ("https://", Scheme::Https)];
    let typed = known.into_iter().find_map(|(prefix, scheme)| Some((Some(scheme), text.strip_prefix(prefix)?)));
    let (scheme, rest) = typed.unwrap_or((None, text));
    let bare = rest.trim_end_matches('/');
    let port = bare.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(_)) if !bare.contains(['/', '@', '?', '#', ' ']) => Ok((scheme, bare.to_owned())),
        _ => Err(Mistake::new(format!("{text:?} is no address: write host:port, as in --at localhost:2201"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches an address that is asked although another one was named.
    #[test]
    fn what_is_typed_goes_before_the_environment_and_that_before_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("some.toml");
        std::fs::write(&file, "processes = ['a:1', 'b:1']\nhttp = ['a:2', 'b:2']").expect("a file");
        let typed = At { at: Some("http://here:9/".into()), ..At::default() };
        assert_eq!(typed.places(Some("there:9".into())), Ok((vec!["here:9".into()], Some(Scheme::Http))));
        let secure = At { at: Some("https://here:9".into()), ..At::default() };
        assert_eq!(secure.places(None), Ok((vec!["here:9".into()], Some(Scheme::Https))));
        assert_eq!(At::default().places(Some("there:9".into())), Ok((vec!["there:9".into()], None)));
        let named = At { cluster: Some(file.clone()), ..At::default() };
        assert_eq!(named.places(Some("there:9".into())), Ok((vec!["a:2".into(), "b:2".into()], None)));
        std::fs::write(&file, "processes = ['a:1', 'b:1']").expect("a file");
        assert_eq!(named.places(None), Ok((vec!["localhost:2201".into(), "localhost:2202".into()], None)));
        for wrong in ["here", ":1", "here:x", "https://here", "ftp://here:1", "a b:1"] {
            assert!(At { at: Some(wrong.into()), ..At::default() }.places(None).is_err(), "{wrong}");
        }
    }
}
