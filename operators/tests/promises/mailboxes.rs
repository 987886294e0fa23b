//! Between a source and its dataflow.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use operators::mailbox::Gone;
use operators::{Frame, mailbox};

use super::setting::frame;

/// Catches a group that loses its order or a frame where the mailbox has no room for all of it.
#[test]
fn a_group_goes_in_as_far_as_there_is_room() {
    let (inlet, inbox) = mailbox::<u64>(2);
    let mut group: VecDeque<_> = (0..3).map(|number| (frame("door", number), number)).collect();
    assert_eq!(inlet.try_send_all(&mut group), Ok(()));
    assert_eq!(group.iter().map(|(_, receipt)| *receipt).collect::<Vec<_>>(), [2]);
    let take = || inbox.take(Duration::ZERO).expect("the source is there").map(|frame| frame.number.0);
    assert_eq!((take(), take(), take()), (Some(0), Some(1), None));
    assert_eq!(inlet.try_send_all(&mut group), Ok(()));
    assert!(group.is_empty());
    drop(inbox);
    group.push_back((frame("door", 3), 3));
    assert_eq!(inlet.try_send_all(&mut group), Err(Gone));
}

/// Catches a mailbox that is bounded by a number alone: a few frames of a large camera would take more memory than the window.
#[test]
fn large_frames_fill_a_mailbox_sooner() {
    let (inlet, inbox) = mailbox::<u64>(8);
    let large = |megabytes: usize| Frame { bytes: vec![0; megabytes << 20].into(), ..frame("door", 0) };
    let fits = |megabytes| inlet.try_send(large(megabytes), 0).expect("somebody listens").is_none();
    assert_eq!([fits(3), fits(3), fits(3)], [true, true, false]);
    (0..2).for_each(|_| assert!(inbox.take(Duration::ZERO).expect("the source is there").is_some()));
    assert_eq!([fits(9), fits(1)], [true, false], "one frame always has room");
    drop(inbox);
    assert_eq!(inlet.send(large(1), 0), Err(Gone));
}

/// Catches a source that waits for room for ever: where there is some again, and where nobody listens any more.
#[test]
fn who_waits_for_room_is_told() {
    let (inlet, inbox) = mailbox::<u64>(1);
    let source = thread::spawn(move || (0..).find(|number| inlet.send(frame("door", *number), 0).is_err()));
    let patience = Duration::from_secs(60);
    (0..3).for_each(|number| assert_eq!(inbox.take(patience).unwrap().unwrap().number.0, number));
    drop(inbox);
    assert!(source.join().expect("it does not panic") >= Some(3));
}

/// Catches a source thread that goes on for ever when its job is gone.
#[test]
fn a_source_learns_that_nobody_listens() {
    let (inlet, inbox) = mailbox::<u64>(1);
    drop(inbox);
    assert_eq!(inlet.send(frame("door", 0), 0), Err(Gone));
    assert_eq!(inlet.receipt(), Err(Gone));
    assert!(inlet.try_send(frame("door", 0), 0).is_err());
}
