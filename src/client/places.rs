//! Where a process of the cluster may be.

use super::flags::At;
use crate::cluster::ClusterFlags;
use crate::cluster::standing::default_http;
use crate::mistake::Mistake;

/// How many places are tried where nobody says where.
const TRIED: usize = 3;

impl At {
    /// Where to look, in this order; `env` is `VIGIE_AT`.
    ///
    /// # Errors
    /// What is wrong with the address or with the file, in words.
    pub fn places(&self, env: Option<String>) -> Result<Vec<String>, Mistake> {
        if let Some(at) = self.at.clone().or(env.filter(|at| self.cluster.is_none() && !at.is_empty())) {
            return Ok(vec![address(&at)?]);
        }
        let flags = ClusterFlags { cluster: self.cluster.clone(), ..Default::default() };
        Ok(flags.http()?.filter(|places| !places.is_empty()).unwrap_or_else(|| default_http(TRIED)))
    }
}

/// `host:port`, also out of an address as a browser has it.
fn address(text: &str) -> Result<String, Mistake> {
    let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let port = bare.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(_)) if !bare.contains(['/', '@', '?', '#', ' ']) => Ok(bare.to_owned()),
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
        let typed = At { at: Some("http://here:9/".into()), cluster: None };
        assert_eq!(typed.places(Some("there:9".into())), Ok(vec!["here:9".into()]));
        assert_eq!(At::default().places(Some("there:9".into())), Ok(vec!["there:9".into()]));
        let named = At { at: None, cluster: Some(file.clone()) };
        assert_eq!(named.places(Some("there:9".into())), Ok(vec!["a:2".into(), "b:2".into()]));
        std::fs::write(&file, "processes = ['a:1', 'b:1']").expect("a file");
        assert_eq!(named.places(None), Ok(vec!["localhost:2201".into(), "localhost:2202".into()]));
        for wrong in ["here", ":1", "here:x", "https://here:1", "a b:1"] {
            assert!(At { at: Some(wrong.into()), cluster: None }.places(None).is_err(), "{wrong}");
        }
    }
}
