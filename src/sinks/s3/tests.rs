use super::*;
use crate::sinks::objects::tests::{context, parcel, runtime};
use operators::UnixMillis;
use std::io::{Read, Write};
use std::net::TcpListener;

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

/// What a sink makes of one answer to each of its requests; of none, where nobody listens.
fn put_to(answer: Option<&'static str>) -> Result<(), Trouble> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    if let Some(answer) = answer {
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while !request.ends_with(b"\r\n\r\nbody") {
                    let read = stream.read(&mut buffer).unwrap();
                    request.extend_from_slice(&buffer[..read]);
                }
                let head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", answer.lines().next().unwrap());
                let body = answer.lines().nth(1).unwrap_or_default();
                write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
            }
        });
    } else {
        drop(listener);
    }
    let runtime = runtime();
    let config = config(&format!("url = 's3://faces/{{id}}.jpg'\nendpoint = 'http://127.0.0.1:{port}'"));
    let context = context("faces", &runtime);
    let store = Arc::new(config.store(&context, &keys()).unwrap());
    let words = Words { bucket: "faces".into(), server: "the server".into(), whose: "in [sink.faces]".into() };
    let bucket = Bucket { store, job: "room".into(), words: Arc::new(words) };
    let frame = parcel("door", "7", "").frame;
    let draft = Draft { path: "7.jpg".into(), body: Some("body".into()), media: "image/jpeg", frame };
    runtime.block_on(bucket.put(&draft, &"body".into(), 0))
}

/// Catches an answer that is read wrong, and a client that panics over its own pauses.
#[test]
fn what_a_server_answers_is_understood() {
    let passing = |answer| match put_to(answer) {
        Err(Trouble::Passing(what)) => what,
        other => panic!("{other:?}"),
    };
    assert!(passing(None).starts_with("the server can't be reached: "), "{}", passing(None));
    let busy = "503 Slow Down\n<Error><Code>SlowDown</Code><Message>Please reduce your rate.</Message></Error>";
    assert_eq!(passing(Some(busy)), "the server answers 503 SlowDown (Please reduce your rate)");
    let missing = "404 Not Found\n<Error><Code>NoSuchBucket</Code><Message>No.</Message></Error>";
    assert_eq!(passing(Some(missing)), "the bucket faces is not there: make it, or mend `url` in [sink.faces]");
    assert_eq!(passing(Some("404 Not Found")), "the server answers 404, as no S3 does: is it the right address?");
    assert!(passing(Some("301 Moved Permanently")).contains("is in another region"));
    let large = "400 Bad Request\n<Error><Code>EntityTooLarge</Code><Message>No.</Message></Error>";
    let Err(Trouble::Lasting(flaw)) = put_to(Some(large)) else { panic!("it lasts") };
    assert_eq!(flaw.reason, Reason::TooLarge);
}
