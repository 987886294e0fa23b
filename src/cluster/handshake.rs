//! Who may come in, and why not, in words.
//!
//! ```text
//!  caller (higher index)                            callee (lower index)
//!    MAGIC, its nonce                       ──▶
//!                                           ◀──     MAGIC, its nonce
//!    claim, proof(claim, both nonces)       ──▶
//!                                           ◀──     welcome, claim, proof  │  later  │  refusal, words
//! ```
//!
//! A proof is a BLAKE3 hash keyed with the token: the token itself never travels, and proofs are
//! compared in constant time. What was not proved is not believed: nothing that a stranger says ends a start.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::token::Token;
use super::wire::Wire;
use super::{Cluster, Lost};
use crate::mistake::Mistake;

/// What a handshake begins with. Its last byte counts up when the handshake itself changes.
pub(super) const MAGIC: [u8; 8] = *b"vigie\0\0\x02";

/// How long a caller or callee may take for its part.
const TIME: Duration = Duration::from_secs(5);

/// Words longer than this are cut.
const MOST_WORDS: usize = 1000;

type Nonce = [u8; 32];

/// Both sides' nonces, the caller's first.
type Nonces = [Nonce; 2];

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// One job, `vigie run`: the link is timely's once all are here.
    Run,
    /// A standing cluster, `vigie worker`: the link on which processes agree.
    Control,
    /// A standing cluster: the link is timely's, for the claim's generation.
    Data,
    /// None that this version knows.
    Unknown,
}

impl Purpose {
    fn to_byte(self) -> u8 {
        match self {
            Purpose::Run => 0,
            Purpose::Control => 1,
            Purpose::Data => 2,
            Purpose::Unknown => u8::MAX,
        }
    }

    fn from_byte(byte: u8) -> Self {
        let known = [Purpose::Run, Purpose::Control, Purpose::Data];
        known.into_iter().find(|purpose| purpose.to_byte() == byte).unwrap_or(Purpose::Unknown)
    }

    /// The command that makes such connections.
    fn command(self) -> &'static str {
        match self {
            Purpose::Run => "vigie run",
            Purpose::Control | Purpose::Data => "vigie worker",
            Purpose::Unknown => "something newer",
        }
    }

    /// What the hash in the claim stands for.
    fn agreed(self) -> &'static str {
        match self {
            Purpose::Run => "runs another job file",
            _ => "has another cluster.toml",
        }
    }
}

/// What a process says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Vigie's version.
    pub version: String,
    /// The hash of what must be the same on all.
    pub config: [u8; 32],
    /// `-n`
    pub processes: u32,
    /// `-w`
    pub threads: u32,
    /// `-p`
    pub process: u32,
    /// The index of the process it means to talk to.
    pub to: u32,
    /// The cluster it belongs to; 0 while it does not know.
    pub generation: u64,
    /// What it calls for.
    pub purpose: Purpose,
}

impl Claim {
    /// What a process of that cluster says of itself to process `to`.
    pub fn of(cluster: &Cluster, config: blake3::Hash, to: usize, purpose: Purpose, generation: u64) -> Self {
        let version = if operators::broken::makes("version") { "0.0.0" } else { env!("CARGO_PKG_VERSION") };
        Self {
            version: version.into(),
            config: *config.as_bytes(),
            processes: cluster.processes() as u32,
            threads: cluster.threads as u32,
            process: cluster.process as u32,
            to: to as u32,
            generation,
            purpose,
        }
    }

    const LENGTH: usize = 32 + 32 + 4 * 4 + 8 + 1;

    fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let version = &self.version.as_bytes()[..self.version.len().min(32)];
        bytes[..version.len()].copy_from_slice(version);
        bytes[32..64].copy_from_slice(&self.config);
        for (index, number) in [self.processes, self.threads, self.process, self.to].into_iter().enumerate() {
            bytes[64 + 4 * index..][..4].copy_from_slice(&number.to_le_bytes());
        }
        bytes[80..88].copy_from_slice(&self.generation.to_le_bytes());
        bytes[88] = self.purpose.to_byte();
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        Self {
            version: printable(&bytes[..32]),
            config: bytes[32..64].try_into().expect("32 bytes"),
            processes: number(64),
            threads: number(68),
            process: number(72),
            to: number(76),
            generation: u64::from_le_bytes(bytes[80..88].try_into().expect("eight bytes")),
            purpose: Purpose::from_byte(bytes[88]),
        }
    }

    /// What keeps `caller` and `callee` from being one cluster, if anything does.
    pub fn disagreement(caller: &Claim, callee: &Claim) -> Option<String> {
        let (one, other) = (caller.process, callee.process);
        let differs = |flag, a, b| {
            format!(
                "process {one} was started with {flag} {a}, but process {other} with {flag} {b}: give both the same"
            )
        };
        if caller.version != callee.version {
            let (a, b) = (&caller.version, &callee.version);
            Some(format!("process {one} is Vigie {a}, but process {other} is {b}: run one version everywhere"))
        } else if caller.purpose.command() != callee.purpose.command() {
            let (a, b) = (caller.purpose.command(), callee.purpose.command());
            Some(format!(
                "process {one} is of `{a}`, but process {other} of `{b}`: stop one, or give it other addresses"
            ))
        } else if caller.processes != callee.processes {
            Some(differs("-n", caller.processes, callee.processes))
        } else if caller.threads != callee.threads {
            Some(differs("-w", caller.threads, callee.threads))
        } else if caller.config != callee.config {
            let differs = caller.purpose.agreed();
            Some(format!("process {one} {differs} than process {other}: give both the same"))
        } else if caller.to != callee.process || one <= other || one >= caller.processes {
            let meant = caller.to;
            Some(format!(
                "process {one} took process {other} for process {meant}: give both the same addresses in cluster.toml"
            ))
        } else {
            None
        }
    }
}

/// Why a process may not come in: the kind of exit it leads to, and the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What was started can't become a cluster.
    Mistake(String),
    /// Somebody else did not come.
    Missing(String),
}

impl From<Refusal> for Lost {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Mistake(what) => Lost::Mistake(Mistake::new(what)),
            Refusal::Missing(what) => Lost::Missing(what),
        }
    }
}

/// A short answer on a link, before timely has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Come in; the claim tells the generation.
    Welcome(Claim),
    /// Not now: ask again.
    Later,
    /// All are here: begin.
    Go,
    /// Never.
    Refused(Refusal),
}

/// The caller's side: says who it is, and hears whether it may come in.
///
/// # Errors
/// The connection broke, took too long, or leads to something that is no Vigie.
pub fn call(stream: &mut Wire, token: &Token, claim: &Claim) -> io::Result<Answer> {
    let until = Instant::now() + TIME;
    let mine = nonce()?;
    send(stream, &[&MAGIC, &mine])?;
    let theirs = hear_nonce(stream, until)?;
    let nonces = [mine, theirs];
    let proof = proof(token, "caller", claim, &nonces);
    send(stream, &[&claim.to_bytes(), proof.as_bytes()])?;
    let answer = hear_answer(stream, until)?;
    let Answer::Welcome(theirs) = &answer else {
        return Ok(answer);
    };
    let shown = blake3::Hash::from_bytes(hear(stream, until)?);
    match shown == self::proof(token, "callee", theirs, &nonces) {
        true => Ok(answer),
        false => Ok(Answer::Refused(Refusal::Mistake(wrong_token(claim.process, claim.to)))),
    }
}

/// A caller that has shown that it knows the token, and waits for an answer.
#[derive(Debug)]
pub struct Knock {
    /// What it says of itself.
    pub claim: Claim,
    nonces: Nonces,
}

/// Why a caller was sent away before it was believed.
#[derive(Debug)]
pub enum Stranger {
    /// It is no Vigie, or broke off.
    Other,
    /// It has another token, or calls without TLS; it called itself process `.0`. It was told.
    SentAway(u32, String),
    /// One side does not trust the other's certificate, or only one of them speaks TLS: nobody knows who it is.
    Distrusted(String),
}

impl From<io::Error> for Stranger {
    fn from(_: io::Error) -> Self {
        Stranger::Other
    }
}

/// The callee's side, first half: hears who calls.
pub fn hear_knock(stream: &mut Wire, token: &Token, me: usize) -> Result<Knock, Stranger> {
    let until = Instant::now() + TIME;
    let theirs = hear_nonce(stream, until)?;
    let mine = nonce()?;
    send(stream, &[&MAGIC, &mine])?;
    let claim = Claim::from_bytes(&hear(stream, until)?);
    let shown = blake3::Hash::from_bytes(hear(stream, until)?);
    let nonces = [theirs, mine];
    if shown == proof(token, "caller", &claim, &nonces) {
        return Ok(Knock { claim, nonces });
    }
    let words = wrong_token(claim.process, me as u32);
    answer(stream, &Answer::Refused(Refusal::Mistake(words.clone())))?;
    Err(Stranger::SentAway(claim.process, words))
}

/// The callee's side, second half: lets it in.
pub fn welcome(stream: &mut Wire, token: &Token, knock: &Knock, claim: Claim) -> io::Result<()> {
    let proof = proof(token, "callee", &claim, &knock.nonces);
    answer(stream, &Answer::Welcome(claim))?;
    send(stream, &[proof.as_bytes()])
}

/// Writes a short answer.
pub fn answer(stream: &mut Wire, answer: &Answer) -> io::Result<()> {
    let (code, body) = match answer {
        Answer::Welcome(claim) => (0u8, claim.to_bytes().to_vec()),
        Answer::Later => (1, Vec::new()),
        Answer::Go => (2, Vec::new()),
        Answer::Refused(Refusal::Mistake(words)) => (3, cut(words)),
        Answer::Refused(Refusal::Missing(words)) => (4, cut(words)),
    };
    let length = (body.len() as u16).to_le_bytes();
    send(stream, &[&[code], &length, &body])
}

/// Reads a short answer, and not a byte more: what follows is timely's.
pub fn hear_answer(stream: &mut Wire, until: Instant) -> io::Result<Answer> {
    let [code] = hear(stream, until)?;
    let length = usize::from(u16::from_le_bytes(hear(stream, until)?));
    let mut words = || {
        let mut body = vec![0; length.min(MOST_WORDS)];
        hear_into(stream, &mut body, until).map(|()| printable(&body))
    };
    match (code, length) {
        (0, Claim::LENGTH) => Ok(Answer::Welcome(Claim::from_bytes(&hear(stream, until)?))),
        (1, 0) => Ok(Answer::Later),
        (2, 0) => Ok(Answer::Go),
        (3, 1..) => Ok(Answer::Refused(Refusal::Mistake(words()?))),
        (4, 1..) => Ok(Answer::Refused(Refusal::Missing(words()?))),
        _ => Err(no_vigie()),
    }
}

fn wrong_token(caller: u32, callee: u32) -> String {
    format!("process {caller} has another token than process {callee}: give both the same VIGIE_TOKEN")
}

fn proof(token: &Token, role: &str, claim: &Claim, nonces: &Nonces) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(&token.key());
    hasher.update(role.as_bytes()).update(&claim.to_bytes());
    hasher.update(&nonces[0]).update(&nonces[1]).finalize()
}

fn nonce() -> io::Result<Nonce> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(nonce)
}

fn hear_nonce(stream: &mut Wire, until: Instant) -> io::Result<Nonce> {
    match hear(stream, until)? == MAGIC {
        true => hear(stream, until),
        false => Err(no_vigie()),
    }
}

fn no_vigie() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "what answers there is no Vigie of this kind")
}

fn send(stream: &mut Wire, parts: &[&[u8]]) -> io::Result<()> {
    stream.write_all(&parts.concat())
}

fn hear<const N: usize>(stream: &mut Wire, until: Instant) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    hear_into(stream, &mut bytes, until).map(|()| bytes)
}

/// Fills `bytes` before `until`, however slowly they drip in.
fn hear_into(stream: &mut Wire, mut bytes: &mut [u8], until: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer"));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(bytes) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")),
            Ok(read) => bytes = &mut bytes[read..],
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn cut(words: &str) -> Vec<u8> {
    words.bytes().take(MOST_WORDS).collect()
}

/// Text from outside, safe to show.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).collect()
}
