use super::*;
use crate::truth::Score;
use operators::UnixMillis;

/// Catches a page whose numbers do not add up, and one that Prometheus can't read.
#[test]
fn the_page_balances() {
    let meter = Arc::new(Meter::default());
    meter.frames.store(6, Relaxed);
    let metrics = Metrics::new("room");
    metrics.begin(vec![meter], Window { frames: 64, bytes: 1 << 20 }, Board::default(), vec!["still".into()]);
    let score = Some(Score { found: 4, there: 5, too_many: 1 });
    let ended =
        Ended { origin: Default::default(), end: End::Result, received_at: UnixMillis::now(), score, task: None };
    metrics.ended(&ended);
    metrics.ended(&Ended { end: End::Dead(Reason::Truncated), score: None, ..ended.clone() });
    metrics.ended(&Ended { end: End::Filtered(0), score: None, ..ended });
    metrics.batch(3, Cause::Full);
    metrics.stage("infer", Duration::from_millis(5));
    let page = metrics.page();
    for line in [
        r#"vigie_frames_in_total{job="room"} 6"#,
        r#"vigie_filtered_total{step="still",job="room"} 1"#,
        r#"vigie_results_total{job="room"} 1"#,
        r#"vigie_persons_found_total{job="room"} 4"#,
        r#"vigie_persons_there_total{job="room"} 5"#,
        r#"vigie_persons_too_many_total{job="room"} 1"#,
        r#"vigie_dead_total{reason="truncated",job="room"} 1"#,
        r#"vigie_frames_in_flight{job="room"} 3"#,
        r#"vigie_batches_total{size="3",cause="full",job="room"} 1"#,
    ] {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        let (name, labels) = name.split_once('{').expect("labels");
        let found = page.lines().filter(|row| row.starts_with(&format!("{name}{{")));
        let labels: Vec<_> = labels.trim_end_matches('}').split(',').collect();
        let mut found = found.filter(|row| labels.iter().all(|label| row.contains(label)));
        let row = found.next().unwrap_or_else(|| panic!("no {line} in\n{page}"));
        assert_eq!(row.rsplit(' ').next().and_then(|v| v.parse::<f64>().ok()), value.parse().ok(), "{row}");
    }
    assert!(page.ends_with("# EOF\n"));
}
