use super::*;
use crate::sinks::objects::tests::{context, parcel, runtime};
use operators::UnixMillis;

fn config(text: &str) -> S3 {
    toml::from_str(text).unwrap()
}

fn env_of(pairs: &[(&str, &str)]) -> Env {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Keys, so that nothing is looked for elsewhere.
fn keys() -> Env {
    env_of(&[("AWS_ACCESS_KEY_ID", "AKTEST"), ("AWS_SECRET_ACCESS_KEY", "sEcret")])
}

#[test]
fn a_url_is_checked() {
    let runtime = runtime();
    let wrong = |url: &str, part: &str| {
        let config = S3 { url: url.into(), ..config("url = ''") };
        config.store(&context(part, &runtime), &keys()).map(drop).unwrap_err()
    };
    for (url, told) in [
        ("faces/{id}.jpg", "is no address of S3: write it like `s3://faces/{camera}/{id}.jpg`"),
        ("http://faces/{id}.jpg", "is no address of S3"),
        ("s3://faces", "names no object: end it with a name, like `s3://faces/{camera}/{id}.jpg`"),
        ("s3://faces/", "names no object"),
        ("s3://faces/{camera}/", "names no object"),
        ("s3://faces//{id}.jpg", "names no object"),
        ("s3://faces/../{id}.jpg", "names no object"),
        ("s3:///{id}.jpg", "is no name of a bucket"),
        ("s3://my faces/{id}.jpg", "is no name of a bucket"),
        ("s3://{camera}/{id}.jpg", "a sink has one bucket: put fields in the key"),
        ("s3://faces/{cam}/{id}.jpg", "unknown field `{cam}`. Known here: {camera}, {id}, {number}, {job}, {date}"),
        ("s3://faces/{id}-{reason}", "unknown field `{reason}`"),
    ] {
        let mistake = wrong(url, "faces");
        assert!(mistake.field == Some("url") && mistake.what.contains(told), "{url}: {}", mistake.what);
    }
    let dead = config("url = 's3://faces/dead/{camera}/{id}-{reason}'");
    assert!(dead.store(&context("dead", &runtime), &keys()).is_ok());
}

#[test]
fn an_endpoint_is_checked_and_never_quoted() {
    let runtime = runtime();
    let built = |endpoint: &str, env: &Env| {
        let config = S3 { endpoint: Some(endpoint.into()), ..config("url = 's3://faces/{id}.jpg'") };
        config.store(&context("faces", &runtime), env).map(drop)
    };
    for (endpoint, told) in [
        ("localhost:9000", "is no address of HTTP: write it like `http://localhost:9000`"),
        ("ftp://localhost", "is no address of HTTP"),
        ("http://", "names no server"),
        ("http://:9000", "names no server"),
        ("http://a b", "names no server"),
        ("http://me:hunter2@localhost", "AWS_SECRET_ACCESS_KEY"),
    ] {
        let mistake = built(endpoint, &keys()).unwrap_err();
        assert!(mistake.field == Some("endpoint") && mistake.what.contains(told), "{endpoint}: {}", mistake.what);
        assert!(!mistake.what.contains("hunter2"));
    }
    for endpoint in ["http://localhost:9000/", "https://s3.example.com", "http://[::1]:9000", "https://a.b/behind"] {
        assert_eq!(built(endpoint, &keys()), Ok(()), "{endpoint}");
    }
}

#[test]
fn the_server_is_where_the_job_or_else_the_environment_says() {
    let here = config("url = 's3://faces/{id}.jpg'");
    let told = |config: &S3, env: &Env| config.endpoint(env).map(|endpoint| endpoint.map(|it| it.to_string()));
    assert_eq!(told(&here, &keys()), Ok(None));
    let env = env_of(&[("AWS_ENDPOINT_URL", "http://general:1/"), ("AWS_ENDPOINT_URL_S3", "https://special")]);
    assert_eq!(told(&here, &env), Ok(Some("https://special".into())));
    let there = config("url = 's3://faces/{id}.jpg'\nendpoint = 'http://localhost:9000'");
    assert_eq!(told(&there, &env), Ok(Some("http://localhost:9000".into())));
    let wrong = told(&here, &env_of(&[("AWS_ENDPOINT_URL", "nonsense")])).unwrap_err();
    assert!(wrong.what.starts_with("AWS_ENDPOINT_URL is no address"), "{}", wrong.what);
}

#[test]
fn what_it_does_is_told_in_one_line() {
    let full = config(
        "url = 's3://faces/{camera}/{date}/{id}.jpg'\nendpoint = 'http://localhost:9000'\nregion = 'eu-central-1'\n\
         path_style = true\nkeep = { age = '30days', size = '50GiB' }",
    );
    let told = "S3 s3://faces/{camera}/{date}/{id}.jpg (at http://localhost:9000), keeps 30days and 50.0 GiB";
    assert_eq!(full.describe(), told);
}

#[test]
fn an_object_says_whose_picture_it_is() {
    let mut frame = Arc::unwrap_or_clone(parcel("Hof Süd 100%", "7", "").frame);
    frame.captured_at = Some(UnixMillis(1_795_249_801_250));
    let read = attributes(&frame, "room", "image/jpeg");
    let named = |name: &'static str| read.get(&Attribute::Metadata(name.into())).map(|value| value.to_string());
    assert_eq!(read.get(&Attribute::ContentType).map(|value| value.to_string()).as_deref(), Some("image/jpeg"));
    assert_eq!(named("camera").as_deref(), Some("Hof%20S%C3%BCd%20100%25"));
    assert_eq!(named("captured_at").as_deref(), Some("2026-11-21T08:30:01.250Z"));
    assert_eq!((named("number").as_deref(), named("job").as_deref()), (Some("0"), Some("room")));
    let long = attributes(&parcel("a", &"ü".repeat(300), "").frame, "room", "image/jpeg");
    assert!(long.get(&Attribute::Metadata("id".into())).is_none(), "a header that no server takes is left out");
}

#[test]
fn patience_grows_with_the_size_and_with_each_attempt() {
    assert_eq!(patience(100 << 10, 0), Duration::from_secs(16));
    assert_eq!(patience(100 << 10, 1), Duration::from_secs(32));
    assert!(patience(0, u32::MAX) < Duration::from_secs(600), "a server that is back is noticed");
}

#[test]
fn a_place_can_be_followed_and_the_largest_object_is_known() {
    let runtime = runtime();
    let config = config("url = 's3://faces/{camera}/{id}.jpg'\nendpoint = 'http://localhost:1'");
    let context = context("faces", &runtime);
    let words = config.words(&context, String::new()).unwrap();
    let (sink, shelf) = config.sink(&context, words).unwrap();
    assert_eq!(sink.place(&parcel("a/b", "7", "")), "s3://faces/a%2Fb/7.jpg");
    assert_eq!(sink.most(&parcel("a", "7", "")), Some(5 << 30));
    assert_eq!(shelf.prefix, "");
}
