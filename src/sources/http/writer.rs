//! Makes tasks durable: those that come together, with one sync.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use bytes::Bytes;

use super::feeder::Bell;
use crate::spool::Log;
use crate::tasks::{Put, Tasks};

/// Tasks, and their bytes, that are written together.
const GROUP: usize = 256;
const GROUP_BYTES: usize = 64 << 20;

/// The thread that writes.
pub struct Writer {
    pub log: Arc<Log>,
    pub tasks: Tasks,
    pub coming: Receiver<Put>,
    pub bell: Arc<Bell>,
}

impl Writer {
    /// Writes until nobody gives any more.
    pub fn run(self) {
        while let Ok(first) = self.coming.recv() {
            let mut bytes = first.task.picture.len();
            let mut group = vec![first];
            while group.len() < GROUP && bytes < GROUP_BYTES {
                let Ok(next) = self.coming.try_recv() else { break };
                bytes += next.task.picture.len();
                group.push(next);
            }
            self.write(group);
            self.bell.ring();
        }
    }

    fn write(&self, group: Vec<Put>) {
        // Before it is written, as it may come back right after.
        group.iter().for_each(|put| self.tasks.queued(&put.task.said));
        let records: Vec<Bytes> = group.iter().map(|put| put.task.pack()).collect();
        let written = self.log.append(&records, true).map(|_| ()).map_err(|error| {
            format!("it can't be kept on this process's disk ({error}): free some room, or mend the disk")
        });
        if let Err(why) = &written {
            tracing::error!("{} tasks of job {} are refused: {why}", group.len(), self.tasks.job());
            group.iter().for_each(|put| self.tasks.refused(&put.task.said.id));
        }
        for Put { task, room, tell } in group {
            if written.is_ok() {
                room.fill(task.picture.len() as u64);
            }
            // Who asked may have gone: the task is taken nevertheless.
            let _ = tell.send(written.clone());
        }
    }
}
