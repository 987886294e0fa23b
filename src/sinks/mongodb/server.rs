//! The way to a server: its url, which is never shown with what is secret in it, and commands that end in time.

use std::path::Path;
use std::time::Duration;

use mongodb::bson::{Document, RawDocumentBuf};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, ConnectionString, Tls};
use mongodb::{Client, Database};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::verdict::Fault;
use crate::allowed::Allowed;
use crate::mistake::Mistake;

/// How long the driver looks for a server that takes writes, and for a connection to it.
const SEARCH: Duration = Duration::from_secs(5);

/// How long a command without a body may take: longer than [`SEARCH`], so that its words are heard.
const PATIENCE: Duration = Duration::from_secs(6);

/// How much longer it may take for every mebibyte that it carries.
const PER_MEBIBYTE: Duration = Duration::from_secs(1);

/// How long a command with so many bytes may take. A server that says nothing for longer is a black hole.
pub fn patience(bytes: usize) -> Duration {
    PATIENCE + PER_MEBIBYTE * (bytes >> 20) as u32
}

/// A database on a server that may be away.
pub struct Server {
    url: String,
    database: String,
    client: OnceCell<Client>,
}

impl Server {
    /// Reaches for nothing yet.
    pub fn new(url: &str, database: &str) -> Self {
        Self { url: url.to_owned(), database: database.to_owned(), client: OnceCell::new() }
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.database
    }

    /// The database, as the driver knows it. A url with `+srv` asks the name server for the hosts, and may fail.
    pub async fn database(&self) -> Result<Database, Error> {
        let client = self.client.get_or_try_init(|| connect(&self.url)).await?;
        Ok(client.database(&self.database))
    }

    /// Runs a command on `place`, a collection of the database. Of what it did not do, the answer may tell too: see [`super::verdict::judge`].
    ///
    /// # Errors
    /// Why the command as a whole was not done.
    pub async fn run(&self, command: RawDocumentBuf, place: &str) -> Result<Document, Fault> {
        let patience = patience(command.as_bytes().len());
        within(patience, place, async { self.database().await?.run_raw_command(command).await }).await
    }
}

/// What the driver does with `place`, or why not; it is given up after that time.
///
/// # Errors
/// Why it was not done.
pub async fn within<T>(
    patience: Duration,
    place: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Fault> {
    match timeout(patience, work).await {
        Ok(done) => done.map_err(|error| Fault::of(&error, place)),
        Err(_) => Err(Fault::Passing(format!("no answer within {} s", patience.as_secs()))),
    }
}

async fn connect(url: &str) -> Result<Client, Error> {
    let mut options = ClientOptions::parse(url).await?;
    options.server_selection_timeout.get_or_insert(SEARCH);
    options.connect_timeout.get_or_insert(SEARCH);
    options.app_name.get_or_insert_with(|| "vigie".to_owned());
    Client::with_options(options)
}

/// What is wrong with a url, as far as this machine can tell without reaching anything.
///
/// # Errors
/// The mistake, in words that hold nothing secret.
pub fn check(url: &str, runtime: &Handle, allowed: &Allowed) -> Result<(), Mistake> {
    let wrong = |what: String| Err(Mistake::at("url", what));
    if let Some(what) = ambiguous(url) {
        return wrong(what.to_owned());
    }
    let own_words = |error: Error| match holds_secrets(url) {
        true => {
            "an option of the url is wrong; the driver's words may hold what is secret in it, and are not shown".into()
        }
        false => words(&error),
    };
    let wrong_url = |error| format!("{}: write it like `mongodb://user:password@localhost:27017`", own_words(error));
    let parsed = match ConnectionString::parse(url) {
        Ok(parsed) => parsed,
        Err(error) => return wrong(wrong_url(error)),
    };
    // With `+srv` the name server would have to be asked.
    if !url.starts_with("mongodb+srv:")
        && let Err(error) = runtime.block_on(async { ClientOptions::parse(url).await })
    {
        return wrong(wrong_url(error));
    }
    match parsed.tls {
        Some(Tls::Enabled(tls)) => readable("tlsCAFile", tls.ca_file_path.as_deref(), allowed)
            .and_then(|()| readable("tlsCertificateKeyFile", tls.cert_key_file_path.as_deref(), allowed)),
        _ => Ok(()),
    }
}

fn readable(option: &str, path: Option<&Path>, allowed: &Allowed) -> Result<(), Mistake> {
    path.map_or(Ok(()), |path| allowed.check("url", path))?;
    let Some((path, error)) = path.and_then(|path| Some((path, std::fs::File::open(path).err()?))) else {
        return Ok(());
    };
    let what = format!(
        "`{option}` names {}, which can't be read ({error}): the path is relative to the folder that vigie runs in",
        path.display()
    );
    Err(Mistake::at("url", what))
}

/// What makes it unclear where the password ends. The driver is not asked then, as its words could show a part of it.
fn ambiguous(url: &str) -> Option<&'static str> {
    let rest = url.split_once("://")?.1;
    if let Some((user, _)) = rest.rsplit_once('@')
        && (user.contains(['/', '?', '#', '[', ']', '@']) || user.matches(':').count() > 1)
    {
        return Some(
            "a sign in it has another meaning in a url: in the user's name, the password and the options, write `%40` for `@`, \
             `%2F` for `/`, `%3A` for `:`, `%3F` for `?` and `%23` for `#`",
        );
    }
    let hosts = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
    let hosts = hosts.split(['/', '?']).next().unwrap_or_default();
    let port = |host: &str| {
        host.rsplit_once(']').map_or(host, |(_, port)| port).split_once(':').map(|(_, port)| port.to_owned())
    };
    let no_number = |port: String| port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit());
    hosts.split(',').filter_map(port).any(no_number).then_some(
        "what follows a host and `:` is its port, a number: write it like `mongodb://user:password@localhost:27017`",
    )
}

/// Whether the options have something secret among them.
fn holds_secrets(url: &str) -> bool {
    let options = url.split_once('?').map(|(_, options)| options.to_lowercase()).unwrap_or_default();
    ["password", "authmechanismproperties"].iter().any(|secret| options.contains(secret))
}

/// The url without user, password and options: `mongodb://localhost:27017`.
pub fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("mongodb", url));
    let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
    // An `@` in the options may be the one that ends a password: better no host than a part of that.
    let host = if options.contains('@') { "…" } else { rest.rsplit_once('@').map_or(rest, |(_, host)| host) };
    format!("{scheme}://{}", host.trim_end_matches('/'))
}

/// What the driver says, in the words that a person needs.
pub fn words(error: &Error) -> String {
    let said = match &*error.kind {
        ErrorKind::ServerSelection { message, .. } => return unreachable(message),
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        ErrorKind::Command(error) => format!("{} ({})", error.message, error.code),
        ErrorKind::Io(error) => error.to_string(),
        kind => kind.to_string(),
    };
    brief(&said)
}

/// Why no server takes writes: what the first of them said, out of a long list of what is known of each.
fn unreachable(message: &str) -> String {
    let first = message.split_once("Error: Kind: ").map(|(_, rest)| rest.split(", labels:").next().unwrap_or(rest));
    match first {
        Some(first) => format!("no server can be reached: {}", brief(first.trim_start_matches("I/O error: "))),
        None if message.contains("Type: Rs") => "no server of the replica set is its primary".to_owned(),
        None => brief(message),
    }
}

/// At most so many characters of what somebody else says.
pub fn brief(text: &str) -> String {
    const MOST: usize = 300;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(url: &str) -> Option<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        check(url, runtime.handle(), &Allowed::default()).err().map(|mistake| {
            assert_eq!(mistake.field, Some("url"));
            mistake.what
        })
    }

    /// Catches a password that is shown, whole or in part, where somebody wrote the url wrongly.
    #[test]
    fn nothing_shows_a_password() {
        let urls = [
            "mongodb://root:s3kr1t@h:27017/?tls=true",
            "mongodb+srv://root:s3kr1t@cluster.example.org",
            "mongodb://root:s3kr1t",
            "mongodb://root:s3kr1t/h",
            "mongodb://root:s3/kr1t@h",
            "mongodb://root:s3?kr1t@h",
            "mongodb://root:s3@kr1t@h",
            "mongodb://root:s3#kr1t@h",
            "mongodb://root:s3:kr1t@h",
            "mongodb://root:s3%kr1t@h",
            "mongodb://root:s3 kr1t@h:99999",
            "root:s3kr1t@h",
            "mysql://root:s3kr1t@h",
            "mongodb://h/?proxyHost=p&proxyUsername=u&proxyPassword=s3@kr1t",
            "mongodb://h/?proxyPassword=s3kr1t",
            "mongodb://h/?authMechanism=MONGODB-AWS&authMechanismProperties=s3kr1t",
        ];
        for url in urls {
            let said = format!("{} {}", shown(url), wrong(url).unwrap_or_default());
            if said.contains("://root") || url == "mongodb://root:s3kr1t" || url == "mongodb://root:s3kr1t/h" {
                // Here the password stands where a port does, and only `check`, which refuses it, may be asked.
                let said = wrong(url).unwrap();
                assert!(!said.contains("kr1t") && !said.contains("s3"), "{url}: {said}");
                continue;
            }
            assert!(!said.contains("kr1t") && !said.contains("s3"), "{url}: {said}");
        }
        assert_eq!(shown(urls[0]), "mongodb://h:27017");
        assert_eq!(shown("mongodb://a:1,b:2/?replicaSet=r"), "mongodb://a:1,b:2");
    }

    #[test]
    fn a_wrong_url_is_told_with_what_to_do() {
        for sound in [
            "mongodb://localhost",
            "mongodb://localhost:27017/?replicaSet=r&w=majority",
            "mongodb://u:p%40@[::1]:27017,h/db?tls=true",
            "mongodb+srv://u:p@cluster.example.org/?retryWrites=false",
        ] {
            assert_eq!(wrong(sound), None, "{sound}");
        }
        for (url, words) in [
            ("localhost:27017", "no scheme"),
            ("http://localhost", "unsupported connection string scheme: http"),
            ("mongodb://", "hostname cannot be empty"),
            ("mongodb://h:port", "its port, a number"),
            ("mongodb://u:a@b@h", "%40"),
            ("mongodb://h/?tls=maybe", "must be a boolean"),
            ("mongodb://h/?socketTimeoutMS=5", "does not support socketTimeoutMS"),
            ("mongodb://h/?tls=true&tlsCAFile=no/such.pem", "`tlsCAFile` names no/such.pem, which can't be read"),
        ] {
            let wrong = wrong(url).unwrap_or_else(|| panic!("{url} is sound"));
            assert!(wrong.contains(words), "{url}: {wrong}");
        }
    }

    #[test]
    fn the_words_of_the_driver_are_made_short() {
        let message = "Server selection timeout: No available servers. Topology: { Type: Unknown, Servers: [ { Address: h:1, \
                       Type: Unknown, Error: Kind: I/O error: Connection refused (os error 111), labels: {}, source: None, \
                       server response: None } ] }";
        assert_eq!(unreachable(message), "no server can be reached: Connection refused (os error 111)");
        assert_eq!(brief(&"é".repeat(400)).chars().count(), 301);
        assert_eq!(patience(0), Duration::from_secs(6));
        assert_eq!(patience(16 << 20), Duration::from_secs(22));
    }
}
