//! Who is let in.
//!
//! With tokens, whoever shows one. Without, whoever is on this machine: but not the web pages in the browser of somebody
//! who is. A page elsewhere can send requests to `localhost`, and give a name of its own this machine's address; the
//! browser then says where the page is from, or which name was asked for.

use std::net::SocketAddr;

use axum::http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN};

use super::problem::Problem;
use super::tokens::{Role, Tokens};
use crate::cluster::config::{host_of, is_loopback};

/// Lets a request in, if its caller may do what takes that role.
///
/// # Errors
/// 401 or 403, in words.
pub fn admit(tokens: &Tokens, peer: SocketAddr, headers: &HeaderMap, needed: Role) -> Result<(), Problem> {
    if !tokens.is_empty() {
        return tokens.admit(text(headers, AUTHORIZATION), needed);
    }
    if !peer.ip().to_canonical().is_loopback() {
        return Err(Problem::forbidden(
            "without an api_token in cluster.toml, only callers on this machine are let in",
        ));
    }
    let is_named_so = text(headers, HOST).is_none_or(|host| is_loopback(host_of(host)));
    if headers.contains_key(ORIGIN) || !is_named_so {
        let what = "a web page may not ask this: without an api_token in cluster.toml, only programs on this machine are let in";
        return Err(Problem::forbidden(what));
    }
    Ok(())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches web pages that command a cluster on the machine of whoever looks at them, and callers from elsewhere.
    #[test]
    fn without_tokens_only_programs_of_this_machine_are_let_in() {
        let ask = |peer: &str, headers: &[(HeaderName, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(name, value.parse().expect("a header"));
            }
            admit(&Tokens::default(), peer.parse().expect("an address"), &map, Role::Admin).is_ok()
        };
        for host in ["localhost:2201", "127.0.0.1:2201", "[::1]:2201", "localhost"] {
            assert!(ask("127.0.0.1:5", &[(HOST, host)]), "{host}");
        }
        assert!(ask("[::ffff:127.0.0.1]:5", &[]));
        assert!(!ask("192.0.2.1:5", &[(HOST, "localhost")]));
        assert!(!ask("127.0.0.1:5", &[(HOST, "rebound.example:2201")]));
        assert!(!ask("127.0.0.1:5", &[(HOST, "localhost"), (ORIGIN, "https://page.example")]));
    }
}
