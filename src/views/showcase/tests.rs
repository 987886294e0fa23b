use std::thread;

use proptest::prelude::*;

use super::*;

/// The views `a` and `b`, each with one key and one number.
fn showcase() -> Showcase {
    let columns = || Columns { key: vec!["camera".into()], row: vec!["count".into()] };
    Showcase::new(["a", "b"].map(|name| (name.to_owned(), "count".to_owned(), columns())).into())
}

fn change(view: usize, key: i64, value: Option<i64>) -> Change {
    Change { view, key: vec![key.into()], row: value.map(|value| vec![value.into()]) }
}

/// What a client makes of what it is told.
#[derive(Debug, Default)]
struct Client {
    table: Option<Table>,
}

impl Client {
    fn hears(&mut self, news: News) -> &Table {
        match news {
            News::Table(table) => self.table = Some(Arc::unwrap_or_clone(table)),
            News::Step(step) => {
                let table = self.table.as_mut().expect("a table comes first");
                assert!(step.epoch > table.epoch, "epochs grow");
                table.epoch = step.epoch;
                table.apply(&step.changes);
            }
        }
        self.table.as_ref().expect("it has one now")
    }
}

/// Something that happens to a showcase.
#[derive(Clone, Debug)]
enum Event {
    /// Changes are published.
    Published(u64, Vec<Change>),
    /// A follower looks once.
    Looks(usize),
    /// A follower goes away, and comes again with its mark.
    ComesAgain(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let change = (0..2_usize, 0..6_i64, proptest::option::of(0..9_i64));
    let change = change.prop_map(|(view, key, value)| super::tests::change(view, key, value));
    let event = prop_oneof![
        3 => (0..40_u64, prop::collection::vec(change, 0..5)).prop_map(|(epoch, all)| Event::Published(epoch, all)),
        4 => (0..3_usize).prop_map(Event::Looks),
        1 => (0..3_usize).prop_map(Event::ComesAgain),
    ];
    prop::collection::vec(event, 0..80)
}

proptest! {
    /// Catches a step that is lost, told twice or told for another epoch, and an epoch that goes back.
    #[test]
    fn who_applies_the_changes_has_the_table_of_each_epoch(events in events()) {
        let showcase = showcase();
        let mut expected = BTreeMap::from([(0, showcase.table("a").expect("it is there"))]);
        let mut followers: Vec<_> = (0..3).map(|_| (showcase.follow("a").expect("it is there"), Client::default())).collect();
        for event in events {
            match event {
                Event::Published(epoch, changes) => {
                    showcase.publish(epoch, changes);
                    let table = showcase.table("a").expect("it is there");
                    prop_assert!(expected.keys().all(|before| *before <= table.epoch));
                    expected.insert(table.epoch, table);
                }
                Event::Looks(who) => {
                    let (follower, client) = &mut followers[who];
                    let Some(news) = follower.look() else {
                        prop_assert_eq!(client.table.as_ref().map(|table| table.epoch), expected.keys().last().copied());
                        continue;
                    };
                    let table = client.hears(news);
                    prop_assert_eq!(table, &*expected[&table.epoch]);
                }
                Event::ComesAgain(who) => {
                    let (follower, _) = &mut followers[who];
                    let mark = follower.mark().map(|mark| mark.to_string().parse().expect("it is a mark"));
                    *follower = showcase.follow_from("a", mark).expect("it is there");
                }
            }
        }
    }
}

/// Catches rows and epochs that do not belong together while somebody publishes, and a follower that never hears the end.
#[test]
fn tables_are_whole_while_others_write() {
    const LAST: i64 = 3000;
    let showcase = showcase();
    // In the table of each epoch, every row says that epoch.
    let is_whole = |table: &Table| table.rows.values().all(|row| *row == [Cell::from(table.epoch as i64)]);
    thread::scope(|scope| {
        for _ in 0..3 {
            let mut follower = showcase.follow("a").expect("it is there");
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                let mut client = Client::default();
                while client.table.as_ref().is_none_or(|table| table.epoch < LAST as u64) {
                    let news = runtime.block_on(follower.next()).expect("there is more to come");
                    assert!(is_whole(client.hears(news)));
                }
            });
        }
        scope.spawn(|| {
            for epoch in 1..=LAST {
                showcase.publish(epoch as u64, (0..5).map(|key| change(0, key, Some(epoch))).collect());
                assert!(is_whole(&showcase.table("a").expect("it is there")));
            }
        });
    });
}

/// Catches a memory of steps that grows for ever, and a slow follower who misses some.
#[test]
fn who_is_too_slow_gets_the_whole_table_anew() {
    let showcase = showcase();
    let mut follower = showcase.follow("a").expect("it is there");
    assert!(matches!(follower.look(), Some(News::Table(table)) if table.epoch == 0));
    let publish = |epoch| showcase.publish(epoch, vec![change(0, 1, Some(epoch as i64))]);
    (1..=10).for_each(publish);
    assert!(matches!(follower.look(), Some(News::Step(step)) if step.epoch == 1), "one after the other");
    (11..=5000).for_each(publish);
    let remembered = showcase.find("a").expect("it is there").borrow().steps.len();
    assert!(remembered <= REMEMBERED + 1, "{remembered}");
    assert!(matches!(follower.look(), Some(News::Table(table)) if table.epoch == 5000));
    assert_eq!(follower.look(), None);
}

/// Catches a mark of another process's table that is taken for one of this table.
#[test]
fn a_mark_is_known_where_it_was_made() {
    let (one, other) = (showcase(), showcase());
    [&one, &other].into_iter().for_each(|showcase| showcase.publish(7, vec![change(0, 1, Some(1))]));
    let mut follower = one.follow("a").expect("it is there");
    assert_eq!(follower.mark(), None);
    assert!(follower.look().is_some());
    assert_eq!(one.follow_from("a", follower.mark()).expect("it is there").look(), None);
    assert!(matches!(other.follow_from("a", follower.mark()).expect("it is there").look(), Some(News::Table(_))));
    for wrong in ["", "7", "-", "7-", "x-1", "7-x"] {
        assert!(wrong.parse::<Mark>().is_err(), "{wrong}");
    }
}

/// Catches a follower who waits for ever for tables that nobody keeps any more.
#[test]
fn a_follower_hears_that_it_is_over() {
    let showcase = showcase();
    let mut follower = showcase.follow("b").expect("it is there");
    assert!(showcase.follow("c").is_none() && showcase.table("c").is_none());
    showcase.publish(3, vec![change(1, 1, Some(1))]);
    drop(showcase);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    assert!(matches!(runtime.block_on(follower.next()), Some(News::Table(table)) if table.epoch == 3));
    assert_eq!(runtime.block_on(follower.next()), None);
}
