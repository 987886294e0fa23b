//! Who Vigie is to the server: the usual variables, or the static keys of a profile. Nothing here is ever shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, Checksum};
use object_store::{BackoffConfig, Certificate, ClientOptions, CredentialProvider, RetryConfig};

/// The variables that matter. Those that are set to nothing are not set.
pub type Env = BTreeMap<String, String>;

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(5);

/// The variables of this process.
pub fn env() -> Env {
    let known = |name: &str| name.starts_with("AWS_") || name == "HOME";
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).filter(|(name, value)| known(name) && !value.is_empty()).collect()
}

/// A client as the environment wants it, without a bucket. What is wrong is said without any value.
pub fn builder(env: &Env) -> Result<AmazonS3Builder, String> {
    // Requests have no limit of their own: how long one may take depends on its size.
    let options = ClientOptions::new().with_timeout_disabled().with_connect_timeout(CONNECT);
    let builder = AmazonS3Builder::new()
        .with_checksum_algorithm(Checksum::SHA256)
        .with_client_options(certificates(env)?.into_iter().fold(options, ClientOptions::with_root_certificate))
        .with_retry(once_more());
    let keys = env.iter().filter_map(|(name, value)| Some((name.to_lowercase().parse().ok()?, value)));
    let builder = keys.fold(builder, |builder, (key, value): (AmazonS3ConfigKey, _)| builder.with_config(key, value));
    Ok(match profile(env)? {
        Some(profile) => builder.with_credentials(Arc::new(profile)),
        None => builder,
    })
}

/// A server may close a connection in the moment in which it is used again; that is no news. All else is told, and tried
/// again by whoever asked.
fn once_more() -> RetryConfig {
    // The pause is drawn from between the first and `base` times that: a `base` of 1 would leave nothing to draw from.
    let [init_backoff, max_backoff] = [20, 100].map(Duration::from_millis);
    let backoff = BackoffConfig { init_backoff, max_backoff, base: 2.0 };
    RetryConfig { backoff, max_retries: 1, retry_timeout: Duration::from_secs(2) }
}

/// CAs besides those of the system.
fn certificates(env: &Env) -> Result<Vec<Certificate>, String> {
    let Some(path) = env.get("AWS_CA_BUNDLE") else { return Ok(Vec::new()) };
    let read = fs::read(path).map_err(|error| format!("can't read `{path}`, which AWS_CA_BUNDLE names: {error}"))?;
    Certificate::from_pem_bundle(&read)
        .map_err(|_| format!("`{path}`, which AWS_CA_BUNDLE names, holds no certificates"))
}

/// The profile to be used, if the environment itself says nothing about who this is.
fn profile(env: &Env) -> Result<Option<Profile>, String> {
    let set = |name| env.contains_key(name);
    match (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) {
        (true, true) => return Ok(None),
        (true, false) => return Err("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not: set both".to_owned()),
        (false, true) => return Err("AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not: set both".to_owned()),
        (false, false) => {}
    }
    if set("AWS_WEB_IDENTITY_TOKEN_FILE") && set("AWS_ROLE_ARN") {
        return Ok(None);
    }
    let home = env.get("HOME").map(|home| Path::new(home).join(".aws/credentials"));
    let path = env.get("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from).or(home);
    let name = env.get("AWS_PROFILE");
    let profile = Profile { path: path.unwrap_or_default(), name: name.cloned().unwrap_or("default".to_owned()) };
    match (profile.read(), name) {
        (Ok(_), _) => Ok(Some(profile)),
        (Err(_), None) => Ok(None),
        (Err(what), Some(_)) => Err(what),
    }
}

/// A profile with static keys. It is read for each request, so that keys that are mended or renewed are used at once.
#[derive(Debug)]
struct Profile {
    path: PathBuf,
    name: String,
}

impl Profile {
    fn read(&self) -> Result<AwsCredential, String> {
        let Self { path, name } = self;
        let text = fs::read_to_string(path).map_err(|error| format!("can't read `{}`: {error}", path.display()))?;
        keys(&text, name).ok_or_else(|| {
            let path = path.display();
            format!("`{path}` has no `aws_access_key_id` and `aws_secret_access_key` under [{name}]: other ways to log in are not read from there")
        })
    }
}

/// The trait is an `async_trait`; this is what that macro would write.
impl CredentialProvider for Profile {
    type Credential = AwsCredential;

    fn get_credential<'a, 'b>(
        &'a self,
    ) -> Pin<Box<dyn Future<Output = object_store::Result<Arc<AwsCredential>>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let failed = |what: String| object_store::Error::Generic { store: "s3", source: what.into() };
        Box::pin(std::future::ready(self.read().map(Arc::new).map_err(failed)))
    }
}

/// The static keys of a profile in the text of a credentials file: sections in brackets, `key = value` below them.
fn keys(text: &str, profile: &str) -> Option<AwsCredential> {
    let mut inside = false;
    let mut values = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, _)) => inside = name.trim() == profile,
            None if inside && !line.starts_with(['#', ';']) => {
                let pair = line.split_once('=').map(|(key, value)| (key.trim().to_lowercase(), value.trim()));
                values.extend(pair.filter(|(_, value)| !value.is_empty()));
            }
            None => {}
        }
    }
    let mut value = |key| values.remove(key).map(str::to_owned);
    Some(AwsCredential {
        key_id: value("aws_access_key_id")?,
        secret_key: value("aws_secret_access_key")?,
        token: value("aws_session_token"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const FILE: &str = "\
# of the team
[default]
aws_access_key_id = AKDEFAULT
aws_secret_access_key=s3cr=t/Default+
[ work ]
; old: aws_access_key_id = AKOLD
AWS_ACCESS_KEY_ID = AKWORK
aws_secret_access_key = workSecret
aws_session_token = workToken
region = eu-central-1
[role]
role_arn = arn:aws:iam::1:role/x
source_profile = default
[half]
aws_access_key_id = AKHALF
aws_secret_access_key =
";

    #[test]
    fn the_keys_of_a_profile_are_read() {
        let read = |profile| keys(FILE, profile).map(|keys| (keys.key_id, keys.secret_key, keys.token));
        let (id, secret, token) = read("default").unwrap();
        assert_eq!((id.as_str(), secret.as_str(), token), ("AKDEFAULT", "s3cr=t/Default+", None));
        let (id, secret, token) = read("work").unwrap();
        assert_eq!((id.as_str(), secret.as_str(), token.as_deref()), ("AKWORK", "workSecret", Some("workToken")));
        for other in ["role", "half", "", "Default", "default]"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert!(keys("no file of this kind\n[[[\n=\n", "default").is_none());
    }

    #[test]
    fn the_environment_comes_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".aws")).unwrap();
        fs::write(folder.path().join(".aws/credentials"), FILE).unwrap();
        let home = folder.path().to_str().unwrap();
        let chosen = |pairs: &[(&str, &str)]| {
            let env = env(&[&[("HOME", home)], pairs].concat());
            profile(&env).map(|profile| profile.map(|profile| profile.name))
        };
        assert_eq!(chosen(&[]), Ok(Some("default".into())));
        assert_eq!(chosen(&[("AWS_PROFILE", "work")]), Ok(Some("work".into())));
        let both = [("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "sEcret")];
        assert_eq!(chosen(&both), Ok(None));
        assert_eq!(chosen(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "token"), ("AWS_ROLE_ARN", "arn")]), Ok(None));
        for (wrong, told) in [
            (&both[1..], "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not"),
            (&both[..1], "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not"),
            (&[("AWS_PROFILE", "role")], "under [role]"),
            (&[("AWS_PROFILE", "none")], "under [none]"),
            (&[("AWS_PROFILE", "x"), ("AWS_SHARED_CREDENTIALS_FILE", "missing")], "can't read `missing`"),
        ] {
            let said = chosen(wrong).unwrap_err();
            assert!(said.contains(told) && !said.contains("sEcret"), "{said}");
        }
        assert_eq!(profile(&env(&[("HOME", "/nowhere")])).map(|profile| profile.is_some()), Ok(false));
    }

    #[test]
    fn keys_that_are_mended_are_used_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), FILE).unwrap();
        let profile = Profile { path: file.path().into(), name: "work".into() };
        assert_eq!(profile.read().unwrap().key_id, "AKWORK");
        fs::write(file.path(), FILE.replace("AKWORK", "AKNEW")).unwrap();
        assert_eq!(profile.read().unwrap().key_id, "AKNEW");
        assert!(!format!("{:?} {profile:?}", profile.read().unwrap()).contains("workSecret"));
    }

    #[test]
    fn what_the_environment_says_is_used_and_not_shown() {
        let built = builder(&env(&[("AWS_REGION", "eu-west-3"), ("AWS_CA_BUNDLE", "missing.pem")]));
        assert!(built.unwrap_err().contains("`missing.pem`"));
        let built = builder(&env(&[("AWS_REGION", "eu-west-3"), ("AWS_NO_SUCH_KEY", "x")])).unwrap();
        assert_eq!(built.get_config_value(&AmazonS3ConfigKey::Region).as_deref(), Some("eu-west-3"));
    }
}
